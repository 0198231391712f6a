"""No command and no query asks for a second connection while it holds one (faults #29a, X1)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine

from addressee.adapters.sql import ProjectionRunner, Rebuild, SqlStore
from addressee.application import (
    History,
    Identity,
    Personalization,
    Profiles,
    Rights,
    Targeting,
    bulk,
    together,
    verify,
)
from addressee.domain import AddresseeError, MobileApp, StoreUnavailable
from tests.one_connection import one_connection
from tests.patience import PATIENCE

ALI = Identity(external_id="ali", emails=["ali@x.com"])
CAPPED = MobileApp(code="shop", device_cap=1, over_cap="evict", session_idle=60, user_data="jwt")

Command = Callable[[Personalization, dict[str, Any]], object]
COMMANDS: dict[str, Command] = {
    "register": lambda p, c: p.register("shop", push_token="t", **c),
    "update_installation": lambda p, c: p.update_installation("b", push_token="t2", **c),
    "personalize": lambda p, c: p.personalize("b", ALI, of="ali", user_data="jwt", **c),
    "take over": lambda p, c: p.personalize("a", Identity("bea"), force_depersonalize=True, **c),
    "update_person": lambda p, c: p.update_person("a", tags={"x"}, user_data="jwt", **c),
    "set_primary": lambda p, c: p.set_primary("a", **c),
    "depersonalize": lambda p, c: p.depersonalize("a", of="ali", **c),
    "touch": lambda p, c: p.touch("a", **c),
    "tag_installation": lambda p, c: p.tag_installation("a", add={"x"}, **c),
    "define_segment": lambda p, c: p.define_segment("shop", "s", "tag:vip", **c),
    "idempotent": lambda p, c: p.touch("a", idempotency_key="k", **c),
    "expire": lambda p, c: p.expire(
        "a", "unregistered", **c
    ),  # the last: nobody signs in there again
}
QUERIES: dict[str, Callable[[SqlStore], object]] = {
    "targets": lambda s: list(Targeting(s, strict=True).targets("shop", "all", after="a")),
    "count": lambda s: Targeting(s, strict=True).count("shop", "email:ali@x.com"),
    "preview": lambda s: Targeting(s).preview("shop", "all"),
    "explain": lambda s: Targeting(s).explain("shop", "primary", installation="a"),
    "plan": lambda s: Targeting(s).plan("shop", "tag:vip or primary"),
    "segments": lambda s: Targeting(s).segments("shop"),
    "as_of": lambda s: Targeting(s).as_of(datetime.now(UTC)).count("shop", "all"),
    "history": lambda s: History(s).installation("a"),
    "who": lambda s: History(s).devices(History(s).who("a") or ""),
    "identifier": lambda s: History(s).identifier("external_id", "ali", within="shop"),
    "actor": lambda s: list(History(s).actor("device")),
    "profile": lambda s: Profiles(s).of("a", user_data="jwt"),
    "find": lambda s: Profiles(s).find(ALI, within="shop"),
    "subject": lambda s: list(Rights(s).of(History(s).who("a") or "")),
    "verify": lambda s: verify(s).differences,
    "seal": lambda s: s.seal(),
    "compact": lambda s: s.compact(),
    "ping": lambda s: s.ping(),
    "applications": lambda s: s.applications.all(),
    "keys": lambda s: s.applications.keys("shop"),
}


@pytest.fixture
def engine(url: str) -> Generator[Engine]:
    engine = one_connection(url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Generator[SqlStore]:
    # Every command reads the policies anew.
    monkeypatch.setattr("addressee.application.access.application_policies.FRESH", 0.0)
    with SqlStore(engine) as store:
        store.applications.put(CAPPED)
        set_up(store)
        yield store


def set_up(store: SqlStore) -> None:
    """Have two devices, with somebody on the first one alone, whatever was before."""
    people = Personalization(store)
    for name in "ab":
        people.register("shop", installation=name)
        people.depersonalize(name)
    people.personalize("a", ALI, tags={"vip"}, set_primary=True)


def failures(calls: Mapping[str, Callable[[], object]]) -> dict[str, AddresseeError]:
    """Make calls; return the errors of those that fail."""
    failed: dict[str, AddresseeError] = {}
    for name, call in calls.items():
        try:
            call()
        except AddresseeError as error:
            failed[name] = error
    return failed


def test_one_connection_is_not_enough_for_a_call_inside_another(store: SqlStore) -> None:
    with store.reading(), pytest.raises(StoreUnavailable), store.reading():
        raise AssertionError


def test_a_command_needs_one_connection(store: SqlStore) -> None:
    def run(command: Command) -> None:
        set_up(store)
        command(Personalization(store, strict=True), {})

    assert failures({name: partial(run, command) for name, command in COMMANDS.items()}) == {}


def test_a_command_in_a_transaction_of_the_hosts_needs_no_other(
    store: SqlStore, engine: Engine
) -> None:
    def run(command: Command) -> None:
        set_up(store)
        people = Personalization(store, strict=True)
        with engine.begin() as connection:
            command(people, {"transaction": connection})

    assert failures({name: partial(run, command) for name, command in COMMANDS.items()}) == {}


def test_commands_about_persons_and_many_at_once_need_one_connection(store: SqlStore) -> None:
    people = Personalization(store)
    person = History(store).who("a") or ""
    people.tag(person, add={"x"})
    both = together([lambda p: p.touch("a"), lambda p: p.set_primary("a")])
    assert len(bulk(people, [both, lambda p: p.personalize("b", ALI)])) == 2
    assert people.expire_sessions(datetime.now(UTC) + timedelta(days=1))
    people.personalize("a", ALI)
    people.depersonalize_all(person)


def test_a_query_needs_one_connection(store: SqlStore) -> None:
    assert failures({name: partial(query, store) for name, query in QUERIES.items()}) == {}


def test_an_answer_that_is_read_slowly_holds_no_connection(store: SqlStore) -> None:
    people, reach, history = Personalization(store), Targeting(store), History(store)
    for name in reach.targets("shop", "all"):
        people.touch(name)
    for recorded in history.actor("device"):
        assert history.person(getattr(recorded.event, "person", "") or history.who("a") or "")


class Nothing:
    """A projection that does nothing."""

    name = "nothing"

    def process_batch(self, connection: Connection, page: object, tracking: object) -> None:
        """Take the page."""


def test_a_projection_needs_one_connection(store: SqlStore) -> None:
    assert ProjectionRunner(store, Nothing()).step()


def test_a_rebuild_needs_one_connection(store: SqlStore) -> None:
    Rebuild(store).run()
    assert Targeting(store).count("shop", "tag:vip") == 1


def test_sign_ins_at_once_do_not_wait_for_each_others_connections(url: str) -> None:
    """Fault #29a as it was found: more sign-ins at once than connections, the policies unknown."""
    SqlStore(url).close()
    many = 30
    engine = create_engine(url, pool_size=5, max_overflow=0, pool_timeout=PATIENCE)
    with SqlStore(engine) as store:
        store.applications.put(MobileApp(code="shop", device_cap=3))
        names = [Personalization(store).register("shop").installation for _ in range(many)]
        people, start = Personalization(store), Barrier(many)

        def sign_in(name: str) -> str:
            start.wait()
            return people.personalize(name, Identity(external_id=name)).outcome

        with ThreadPoolExecutor(many) as threads:
            assert set(threads.map(sign_in, names)) == {"attached"}
    engine.dispose()
