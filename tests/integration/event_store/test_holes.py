"""What is read while transactions with lower positions are open is exact, or refused (R35, R36).

Host transactions hold positions open while commands with higher ones commit; each read that takes
in the whole ledger is compared with what is committed at that moment.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from addressee.adapters.ledger_files import opened_sink
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.event_store.append import insert_events
from addressee.application import (
    End,
    History,
    Identity,
    Past,
    Personalization,
    Targeting,
    export_ledger,
    lost_anchors,
    verify,
)
from addressee.application.ledger.hash_chain import START
from addressee.domain import InvalidValue, StoreUnavailable
from tests.servers import LentDatabases

OPEN_AT_ONCE = 3
ROUNDS, MANY_ROUNDS = 12, 100
STORES, MANY_STORES = 1, 10
SERVERS = ["lent_postgres", pytest.param("lent_mariadb", marks=pytest.mark.mariadb)]


@pytest.fixture(params=SERVERS)
def databases(request: pytest.FixtureRequest) -> LentDatabases:
    lent: LentDatabases = request.getfixturevalue(request.param)
    return lent


@pytest.fixture
def store(databases: LentDatabases) -> Generator[SqlStore]:
    with databases.engine() as engine, SqlStore(engine) as store:
        yield store


class Hosts:
    """Hosts that sign people in within transactions of their own, and keep these open.

    Args:
        store: where.
        chance: decides.
    """

    def __init__(self, store: SqlStore, chance: random.Random) -> None:
        self._people = Personalization(store)
        self._engine = store.database.engine
        self._chance = chance
        self._open: list[ExitStack] = []
        self._number = 0

    def step(self) -> None:
        """Begin a transaction, or end one, or commit a command beside them."""
        if len(self._open) < OPEN_AT_ONCE and self._chance.random() < 0.4:
            self._begin()
        elif self._open and self._chance.random() < 0.4:
            self._open.pop(self._chance.randrange(len(self._open))).close()
        else:
            self._sign_in(None)

    def end(self) -> None:
        while self._open:
            self._open.pop().close()

    def _begin(self) -> None:
        with ExitStack() as stack:
            host = stack.enter_context(self._engine.connect())
            stack.callback(host.commit if self._chance.random() < 0.7 else host.rollback)
            self._sign_in(host)
            self._open.append(stack.pop_all())

    def _sign_in(self, host: Connection | None) -> None:
        self._number += 1
        name = f"d{self._number}"
        self._people.register("shop", installation=name, transaction=host)
        person = Identity(external_id=name)
        self._people.personalize(name, person, transaction=host)


def exported(store: SqlStore, path: Path) -> End:
    return export_ledger(store, lambda heading: opened_sink(path, heading), wait=0)


def committed(store: SqlStore) -> list[int]:
    """Return all positions that are visible at this moment."""
    query = text("select position from addressee_event order by position")
    with store.database.reading() as connection:
        return [*connection.execute(query).scalars()]


def test_R35_R36_no_answer_is_short_beside_open_transactions(
    databases: LentDatabases, tmp_path: Path, *, long: bool
) -> None:
    for seed in range(MANY_STORES if long else STORES):
        (tmp_path / f"{seed}").mkdir()
        with databases.engine() as engine, SqlStore(engine) as store:
            interleave(store, seed, MANY_ROUNDS if long else ROUNDS, tmp_path / f"{seed}")


def interleave(store: SqlStore, seed: int, rounds: int, folder: Path) -> None:
    """Begin, end and pass transactions at random, and compare all answers after each step."""
    chance = random.Random(seed)  # noqa: S311 # the same interleavings each time
    hosts, ends, held = Hosts(store, chance), list[End](), 0
    # A thread that holds a new term in one transaction can't use it in another (decision 015).
    first = Personalization(store)
    first.register("shop", installation="d0")
    first.personalize("d0", Identity(external_id="d0"))
    for number in range(rounds):
        hosts.step()
        now = datetime.now(UTC) + timedelta(seconds=1)
        there = committed(store)
        past = Past(store, now)
        assert [position for position, _ in past.events(0, 100_000)] == there
        asked = "all", "external_id:d1", "not external_id:d2"
        live = [[*Targeting(store).targets("shop", each)] for each in asked]
        assert [[*Targeting(past).targets("shop", each)] for each in asked] == live
        assert [each.position for each in History(store).actor("device")] == there
        settled = store.settled()
        held += settled < there[-1]
        for position in {settled, there[-1]}:
            if position <= settled:
                assert Past(store, position).settled() == position
            else:
                with pytest.raises(InvalidValue, match="settled"):
                    Past(store, position)
                with pytest.raises(InvalidValue, match="settled"):
                    History(store).actor("device", after=position)
        path = folder / f"{number}.jsonl"
        if settled < there[-1]:
            with pytest.raises(StoreUnavailable, match=f"position {settled} of {there[-1]}"):
                exported(store, path)
        else:
            ends.append(exported(store, path))
            assert (ends[-1].events, ends[-1].last) == (len(there), there[-1])
        if seal := store.seal():
            assert seal.last == settled
    hosts.end()
    assert held, "no transaction with a lower position was ever open"
    assert len(ends) > 1
    with store.auditing() as audit:
        assert lost_anchors(audit, ends) == []
    found = verify(store)
    assert found.differences == ()
    assert found.skipped, "nothing was rolled back"


def test_R35_what_is_committed_later_at_a_lower_position_changes_no_past(store: SqlStore) -> None:
    people = Personalization(store)
    people.register("shop", installation="a")
    with store.database.engine.connect() as host, host.begin():
        people.personalize("a", Identity(external_id="ali"), transaction=host)
        people.register("shop", installation="b")
        past = Past(store, datetime.now(UTC))
        assert Targeting(past).count("shop", "all") == 2
    assert Targeting(store).count("shop", "external_id:ali") == 1
    assert Targeting(past).count("shop", "external_id:ali") == 0
    assert History(past).who("a") is None
    assert not past.over
    assert len(past.events(0, 100)) == 2


def known(store: SqlStore) -> int:
    """Return up to where a store knows its ledger to be settled."""
    with store.database.reading() as connection:
        return store.parts.tail.known(connection)


def test_R35_compaction_takes_nothing_for_settled_that_a_host_holds_open(store: SqlStore) -> None:
    people, tail = Personalization(store), store.parts.tail
    people.register("shop")
    with store.database.engine.connect() as host, host.begin():
        people.register("shop", installation="a", transaction=host)
        people.register("shop", installation="b")
        tail.look()
        assert known(store) < store.last() - 1
    tail.look()
    assert known(store) == store.last()


def test_an_export_waits_for_transactions_that_began_before(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, ended = Personalization(store), list[int]()
    people.register("shop")  # numbers the terms: a command waits for a host that has new ones
    with ExitStack() as stack:
        host = stack.enter_context(store.database.engine.connect())
        stack.enter_context(host.begin())
        people.register("shop", installation="a", transaction=host)
        people.register("shop", installation="b")

        def pause(_: float) -> None:
            stack.close()
            ended.append(store.last())

        monkeypatch.setattr("addressee.application.ledger.transfer.time.sleep", pause)
        end = export_ledger(store, lambda h: opened_sink(tmp_path / "all.jsonl", h))
    assert (end.events, end.last) == (3, ended[0])
    seal = store.seal()
    assert seal is not None
    assert seal.digest == end.digest != START


def test_R30_a_position_that_a_recorder_holds_open_is_not_passed(store: SqlStore) -> None:
    """The persistence module writes without what a command does first."""
    with store.database.writing() as connection:
        row = ("person:x", 1, "addressee.PersonPromoted", b"{}")
        [held] = insert_events(connection, store.parts.prepared, [row])
        Personalization(store).register("shop", installation="a")
        assert [store.settled() < held for _ in range(20)] == [True] * 20
        assert store.last() > held
    assert store.settled() == store.last()


def roll_back_a_command(store: SqlStore) -> None:
    """Take a position that no event will ever have."""
    with store.database.engine.connect() as host:
        Personalization(store).register("shop", transaction=host)
        host.rollback()


def test_reads_beside_a_hole_take_one_connection_at_a_time(store: SqlStore) -> None:
    url = store.database.engine.url
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=1)
    with SqlStore(engine) as alone:
        Personalization(alone).register("shop", installation="a")
        roll_back_a_command(store)
        Personalization(alone).register("shop", installation="b")
        assert alone.settled() == alone.last() > 2, "a position is left out"
        assert len([*History(alone).actor("device")]) == 2
        assert Targeting(alone).as_of(datetime.now(UTC)).count("shop", "all") == 2
        assert alone.seal()
    engine.dispose()
