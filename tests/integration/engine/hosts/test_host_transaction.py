"""A host's own rows and what a command records stand or fall together (R19, R29)."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, Engine, create_engine, exc, func, select, text
from sqlalchemy.orm import Session

from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.dialects import mariadb, postgresql, sqlite
from addressee.adapters.sql.engine.dialects.base import LOCK_SECONDS
from addressee.adapters.sql.engine.engine_factory import made_engine
from addressee.application import History, Identity, Personalization, Targeting, bulk
from addressee.domain import (
    Conflict,
    DevicePersonalized,
    InvalidValue,
    PersonalizationImpossible,
    StoreUnavailable,
)
from tests.patience import PATIENCE
from tests.servers import Postgres

ALI, BEA = Identity(external_id="ali"), Identity(external_id="bea")


@dataclass
class Shop:
    """A host with a table of its own beside ours."""

    engine: Engine
    store: SqlStore
    people: Personalization

    def order(self, connection: Connection | Session, number: int) -> None:
        connection.execute(text("insert into orders values (:number)"), {"number": number})

    def orders(self) -> int:
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(text("orders"))).scalar_one()


@pytest.fixture
def shop(url: str) -> Generator[Shop]:
    engine = made_engine(url)
    with SqlStore(engine) as store:
        with engine.begin() as connection:
            connection.execute(text("create table orders (number integer primary key)"))
        people = Personalization(store)
        people.register("shop", installation="phone")
        yield Shop(engine, store, people)
    engine.dispose()


def test_R19_the_hosts_rows_and_the_command_are_committed_together(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        shop.order(connection, 1)
        answer = shop.people.personalize("phone", ALI, tags={"vip"}, transaction=connection)
        assert answer.outcome == "attached"
        assert shop.people.set_primary("phone", transaction=connection).position > answer.position
    assert shop.orders() == 1
    assert Targeting(shop.store).count("shop", "external_id:ali and tag:vip and primary") == 1


def test_R29_what_the_host_takes_back_leaves_nothing(shop: Shop) -> None:
    with shop.engine.connect() as connection:
        shop.people.personalize("phone", ALI, tags={"vip"}, transaction=connection)
        shop.people.touch("phone", transaction=connection)
        shop.order(connection, 1)
        connection.rollback()
    assert shop.orders() == 0
    assert History(shop.store).who("phone") is None
    assert Targeting(shop.store).count("shop", "tag:vip") == 0
    assert shop.people.personalize("phone", BEA).outcome == "attached"


def test_R29_before_the_host_writes_anything_it_can_take_the_command_back(shop: Shop) -> None:
    with shop.engine.connect() as connection:
        shop.people.personalize("phone", ALI, transaction=connection)
        connection.rollback()
    assert History(shop.store).who("phone") is None


def test_R19_a_session_is_as_good_as_a_connection(shop: Shop) -> None:
    with Session(shop.engine) as session:
        shop.order(session, 1)
        shop.people.personalize("phone", ALI, transaction=session)
        session.rollback()
        assert History(shop.store).who("phone") is None
        shop.order(session, 2)
        person = shop.people.personalize("phone", ALI, transaction=session).person
        session.commit()
        assert History(shop.store).who("phone") == person
    assert shop.orders() == 1


def test_R15_a_refusal_leaves_the_hosts_transaction_as_it_was(shop: Shop) -> None:
    shop.people.personalize("phone", ALI)
    with shop.engine.begin() as connection:
        shop.order(connection, 1)
        with pytest.raises(PersonalizationImpossible):
            shop.people.personalize("phone", BEA, transaction=connection)
        shop.order(connection, 2)
    assert shop.orders() == 2


def test_R52_a_merge_is_previewed_as_the_hosts_transaction_shows_it(shop: Shop) -> None:
    shop.people.register("shop", installation="tablet")
    one = shop.people.personalize("phone", ALI).person
    with shop.engine.begin() as connection:
        other = shop.people.personalize("tablet", BEA, transaction=connection).person
        preview = shop.people.preview_merge(one, other, transaction=connection)
        digest, force = preview.digest, "one person"
        merged = shop.people.merge(one, other, digest=digest, force=force, transaction=connection)
        undone = shop.people.preview_unmerge(merged.merge, transaction=connection)
        shop.people.unmerge(merged.merge, digest=undone.digest, transaction=connection)
    assert History(shop.store).who("tablet") == other


def test_R19_many_commands_join_at_once(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        answers = bulk(
            shop.people,
            [
                lambda p: p.register("shop", installation="tablet"),
                lambda p: p.personalize("tablet", ALI),
                lambda p: p.personalize("tablet", BEA),
            ],
            transaction=connection,
        )
        assert isinstance(answers[2], PersonalizationImpossible)
    assert Targeting(shop.store).count("shop", "external_id:ali") == 1
    [refused] = bulk(shop.people, [lambda p: p.touch("phone", transaction=connection)])
    assert isinstance(refused, InvalidValue)


def test_subscribers_hear_of_what_the_host_committed_and_of_nothing_else(shop: Shop) -> None:
    heard: list[str] = []
    seen_then: list[str | None] = []

    def hear(happened: DevicePersonalized) -> None:
        heard.append(happened.installation)
        seen_then.append(History(shop.store).who("phone"))

    shop.people.subscribe(DevicePersonalized, hear)
    with shop.engine.connect() as connection:
        shop.people.personalize("phone", ALI, transaction=connection)
        connection.rollback()
        savepoint = connection.begin_nested()
        shop.people.personalize("phone", ALI, transaction=connection)
        savepoint.rollback()
        connection.commit()
        assert heard == []
        person = shop.people.personalize("phone", ALI, transaction=connection).person
        assert heard == []
        connection.commit()
        shop.order(connection, 1)
        assert heard == ["phone"], "the next transaction shows that the last one is committed"
        connection.rollback()
    assert heard == ["phone"]
    assert seen_then == [person]
    shop.people.depersonalize("phone")
    with Session(shop.engine) as session, session.begin():
        shop.people.personalize("phone", BEA, transaction=session)
    assert heard == ["phone", "phone"]


def test_subscribers_hear_nothing_of_a_commit_that_fails(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    shop.people.subscribe(DevicePersonalized, heard.append)

    def lost(_: object) -> None:
        raise shop.engine.dialect.loaded_dbapi.OperationalError("gone")

    with shop.engine.connect() as connection:
        shop.people.personalize("phone", ALI, transaction=connection)
        monkeypatch.setattr(shop.engine.dialect, "do_commit", lost)
        with pytest.raises(exc.OperationalError):
            connection.commit()
        monkeypatch.undo()
    with shop.engine.connect() as connection:
        connection.execute(select(func.count()))
    assert heard == []


def test_no_other_writer_waits_for_the_host(shop: Shop, url: str) -> None:
    if url.startswith("sqlite"):
        return  # SQLite has one writer at a time, and here it is the host.
    for name in ("a", "b", "c"):
        shop.people.register("shop", installation=name)

    def another(name: str) -> str:
        identity = Identity(external_id=name, emails=[f"{name}@x.com"])
        return shop.people.personalize(name, identity, tags={"new", "newer"}).outcome

    # Of terms that are new, a second writer does wait.
    shop.people.personalize("a", BEA, tags={"new", "newer"})
    shop.people.depersonalize("a")

    with shop.engine.begin() as connection, ThreadPoolExecutor(3) as threads:
        shop.people.personalize("phone", ALI, tags={"new", "newer"}, transaction=connection)
        shop.people.register("shop", installation="fresh", os="ios", transaction=connection)
        others = [threads.submit(another, name) for name in ("a", "b", "c")]
        assert [o.result(PATIENCE) for o in others] == ["attached"] * 3
    assert Targeting(shop.store).count("shop", "tag:new and tag:newer") == 4


def test_a_writer_that_needs_the_hosts_new_term_waits_for_its_commit(shop: Shop, url: str) -> None:
    if url.startswith("sqlite"):
        return  # every writer waits
    shop.people.register("shop", installation="a")
    with ThreadPoolExecutor(1) as threads, shop.engine.begin() as connection:
        shop.people.personalize("phone", ALI, tags={"brand-new"}, transaction=connection)
        other = threads.submit(shop.people.personalize, "a", BEA, tags={"brand-new"})
        with pytest.raises(TimeoutError):
            other.result(0.2)
        connection.commit()
        assert other.result(PATIENCE).outcome == "attached"
    assert Targeting(shop.store).count("shop", "tag:brand-new") == 2


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let transactions hardly wait for locks."""
    for dialect, usual, short in (
        (mariadb, f"{LOCK_SECONDS}", "0"),
        (postgresql, f"{LOCK_SECONDS}s", "20ms"),
    ):
        limit = dialect.LIMIT_WAITING.replace(usual, short)
        assert limit != dialect.LIMIT_WAITING
        monkeypatch.setattr(dialect, "LIMIT_WAITING", limit)
    monkeypatch.setattr(sqlite, "LOCK_SECONDS", 0.02)


@pytest.mark.usefixtures("impatient")
def test_a_command_that_would_wait_for_its_own_thread_fails_and_says_so(shop: Shop) -> None:
    shop.people.register("shop", installation="a")
    with shop.engine.begin() as connection:
        shop.people.personalize("phone", ALI, tags={"brand-new"}, transaction=connection)
        for device, person, tags in (  # a new term, a stream, and a claim of the host's
            ("a", BEA, {"brand-new"}),
            ("phone", BEA, set[str]()),
            ("a", ALI, set[str]()),
        ):
            with pytest.raises(StoreUnavailable, match="open in the same thread"):
                shop.people.personalize(device, person, tags=tags)
        with shop.engine.connect() as other, pytest.raises(StoreUnavailable, match="same thread"):
            shop.people.personalize("a", ALI, transaction=other)
        shop.people.personalize("a", BEA, tags={"brand-new"}, transaction=connection)
    assert Targeting(shop.store).count("shop", "tag:brand-new") == 2


def test_a_hosts_own_limit_of_waiting_stays(postgres: Postgres) -> None:
    options = {"options": "-c lock_timeout=250ms"}
    engine = create_engine(postgres.new_database(), connect_args=options)
    with SqlStore(engine) as store, store.database.writing() as connection:
        assert connection.exec_driver_sql("show lock_timeout").scalar_one() == "250ms"
    engine.dispose()


def test_R32_of_two_hosts_that_want_one_device_the_later_is_told(shop: Shop, url: str) -> None:
    if url.startswith("sqlite"):
        return  # the later one could not even begin to write
    with ThreadPoolExecutor(1) as threads, shop.engine.connect() as first:

        def later() -> str:
            with shop.engine.begin() as connection:
                shop.order(connection, 7)
                connection.execute(text("select count(*) from addressee_event")).all()
                return shop.people.personalize("phone", BEA, transaction=connection).outcome

        shop.people.personalize("phone", ALI, transaction=first)
        second = threads.submit(later)
        with pytest.raises(TimeoutError):
            second.result(0.2)
        first.commit()
        with pytest.raises((Conflict, PersonalizationImpossible)):
            second.result(PATIENCE)
    assert shop.orders() == 0


def test_what_cannot_be_joined_is_refused_by_name(shop: Shop, url: str) -> None:
    another = create_engine(url)
    with another.connect() as foreign, shop.engine.connect() as own:
        alone = own.execution_options(isolation_level="AUTOCOMMIT")
        for transaction in (foreign, alone, "connection"):
            with pytest.raises(InvalidValue, match="transaction"):
                shop.people.personalize("phone", ALI, transaction=transaction)
    another.dispose()
    in_memory = Personalization(MemoryStore())
    with pytest.raises(InvalidValue, match="transaction"), shop.engine.connect() as own:
        in_memory.register("shop", transaction=own)
    assert History(shop.store).who("phone") is None
