"""A sealed ledger tells what of it was changed, even by whoever may change tables (R30)."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest
from sqlalchemy import Connection, create_engine, exc, text

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.event_store.seal_writer import Sealer
from addressee.application import Changes, Personalization, Seal, bulk, lost_anchors, verify
from addressee.domain import key_fingerprint
from tests.contract.oracle import Life

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """Return the URL of a database for one test: a forger takes the triggers away."""
    return new_url()


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url) as store:
        yield store


def live(store: SqlStore, seed: int = 0, steps: int = 30) -> None:
    life = Life(random.Random(seed), f"app{seed}")  # noqa: S311 # a life that can be had again
    bulk(Personalization(store), [life.step() for _ in range(steps)])


def sealer(store: SqlStore, page: int = 7) -> Sealer:
    parts, key = store.parts, key_fingerprint(store.identifier_key)
    return Sealer(store.database, parts.prepared, parts.tail, key, page=page, clock=lambda: NOON)


def seals(store: SqlStore) -> Sequence[Seal]:
    with store.auditing() as audit:
        return audit.seals(0, 1_000)


UNGUARD = {
    "sqlite": [
        f"drop trigger addressee_{table}_{guard}"
        for table in ("event", "seal")
        for guard in ("no_UPDATE", "no_DELETE", "no_REPLACE")
    ]
    + ["drop trigger addressee_event_in_range"],
    "postgresql": [
        "drop trigger addressee_event_no_change on addressee_event",
        "drop trigger addressee_seal_no_change on addressee_seal",
        "alter table addressee_event drop constraint addressee_event_in_range",
    ],
    "mariadb": [
        f"drop trigger addressee_{table}_{guard}"
        for table in ("event", "seal")
        for guard in ("no_UPDATE", "no_DELETE")
    ]
    + ["drop trigger addressee_event_in_range"],
}


def tamper(store: SqlStore, change: Callable[[Connection], object]) -> None:
    """Do what only somebody can who may change the tables themselves."""
    dialect = store.database.engine.dialect.name
    with store.database.writing() as connection:
        for statement in UNGUARD[dialect]:
            connection.exec_driver_sql(statement)
        change(connection)


def run(connection: Connection, statement: str, **values: object) -> None:
    assert connection.execute(text(statement), values).rowcount


def broken(store: SqlStore) -> list[tuple[str, str]]:
    return [(d.name, d.problem) for d in verify(store).differences if d.place == "seal"]


def test_seals_follow_each_other_and_end_where_the_ledger_does(store: SqlStore) -> None:
    assert store.seal() is None
    assert verify(store).sealed == 0
    live(store)
    told: list[Seal] = []
    newest = sealer(store).run(told.append)
    made = seals(store)
    assert told == [*made]
    assert made[-1] == newest == store.seal()
    assert [seal.number for seal in made] == [*range(1, len(made) + 1)]
    assert [seal.first for seal in made] == [1, *(seal.last + 1 for seal in made[:-1])]
    assert {seal.made_at for seal in made} == {NOON}
    found = verify(store)
    assert sum(seal.events for seal in made) == found.events > 14
    assert (found.sealed, found.differences) == (found.position, ())
    Personalization(store).register("shop", installation="later")
    assert verify(store).sealed == found.sealed
    again = store.seal()
    assert again is not None
    assert (again.number, again.first) == (len(made) + 1, found.position + 1)


def test_the_digest_hangs_on_the_events_alone(store: SqlStore, new_url: Callable[[], str]) -> None:
    live(store)
    sealer(store).run()
    with SqlStore(new_url(), identifier_key=store.identifier_key) as other:
        with store.auditing() as audit, other.database.writing() as connection:
            rows = audit.stored(0, 1_000)
            other.parts.prepared.copies.insert(connection, rows)
        whole = other.seal()
    assert whole is not None
    assert whole.digest == seals(store)[-1].digest
    assert whole.events > 7


def change_payload(connection: Connection, at: int) -> None:
    state = b'{"timestamp":"2026-01-01T00:00:00Z","actor":"nobody"}'
    run(connection, "update addressee_event set state = :s where position = :p", s=state, p=at)


def change_one_letter(connection: Connection, at: int) -> None:
    read = "select state from addressee_event where position = :p"
    state: bytes = connection.execute(text(read), {"p": at}).scalar_one()
    state = bytes(state).replace(b'"actor":"device"', b'"actor":"devise"')
    run(connection, "update addressee_event set state = :s where position = :p", s=state, p=at)


def write_as_text(connection: Connection, at: int) -> None:
    """Write it by hand, which on SQLite puts text where bytes belong."""
    run(connection, "update addressee_event set state = '{}' where position = :p", p=at)


def change_topic(connection: Connection, at: int) -> None:
    run(connection, "update addressee_event set topic = 'x' where position = :p", p=at)


def change_stream(connection: Connection, at: int) -> None:
    run(connection, "update addressee_event set stream = 'x' where position = :p", p=at)


def change_version(connection: Connection, at: int) -> None:
    run(connection, "update addressee_event set version = 99 where position = :p", p=at)


def remove(connection: Connection, at: int) -> None:
    run(connection, "delete from addressee_event where position = :p", p=at)


def swap(connection: Connection, at: int) -> None:
    for before, after in ((at, -1), (at + 1, at), (-1, at + 1)):
        move = "update addressee_event set position = :a where position = :b"
        run(connection, move, a=after, b=before)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (change_payload, "7 events are there, not as they were sealed"),
        (change_one_letter, "7 events are there, not as they were sealed"),
        (write_as_text, "7 events are there, not as they were sealed"),
        (change_topic, "7 events are there, not as they were sealed"),
        (change_version, "7 events are there, not as they were sealed"),
        (change_stream, "7 events are there, not as they were sealed"),
        (remove, "6 events are there, 7 were sealed"),
        (swap, "7 events are there, not as they were sealed"),
    ],
)
def test_R30_a_change_breaks_the_seal_that_covers_it(
    store: SqlStore, change: Callable[[Connection, int], None], problem: str
) -> None:
    live(store)
    sealer(store).run()
    third = seals(store)[2]
    place = f"3, positions {third.first} to {third.last}"
    assert broken(store) == []
    with store.auditing() as audit:
        [at, *_] = [
            event.position
            for event in audit.stored(third.first - 1, 5)
            if b'"actor":"device"' in event.state
        ]
    tamper(store, lambda connection: change(connection, at))
    assert broken(store) == [(place, problem)]


def test_R30_an_event_that_is_put_between_others_breaks_the_seal(store: SqlStore) -> None:
    live(store)
    leave_a_hole(store)
    live(store, seed=1)
    sealer(store, page=1_000).run()
    assert broken(store) == []
    with store.auditing() as audit:
        there = {event.position for event in audit.stored(0, 1_000)}
    hole = min(set(range(1, max(there))) - there)
    insert = (
        "insert into addressee_event (position, stream, version, topic, state)"
        " values (:p, 'installation:x', 1, 'x', :s)"
    )
    tamper(store, lambda connection: run(connection, insert, p=hole, s=b"{}"))
    [(_, problem)] = broken(store)
    assert problem == f"{len(there) + 1} events are there, {len(there)} were sealed"


def leave_a_hole(store: SqlStore) -> None:
    """Leave out a position, as a transaction that is rolled back does on a server."""
    name = store.database.engine.dialect.name
    if name == "sqlite":
        with store.database.writing() as connection:
            connection.exec_driver_sql(
                "update sqlite_sequence set seq = seq + 1 where name = 'addressee_event'"
            )
        return

    def fail() -> None:
        with store.writing() as transaction:
            with store.reading() as reader:
                event = reader.events(0, 1)[0].event
            event = event.model_copy(update={"originator_id": "installation:half"})
            transaction.append([event], Changes())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()


def test_R30_an_end_that_was_cut_off_breaks_the_seal(store: SqlStore) -> None:
    live(store)
    sealer(store).run()
    last = seals(store)[-1]
    cut = "delete from addressee_event where position >= :p"
    tamper(store, lambda connection: run(connection, cut, p=last.first))
    [(_, problem)] = broken(store)
    assert problem == f"0 events are there, {last.events} were sealed"


def test_seals_that_are_changed_or_gone_are_noticed(store: SqlStore) -> None:
    live(store)
    sealer(store).run()
    two, three, four = seals(store)[1:4]
    change = "update addressee_seal set digest = :d where number = 2"
    tamper(store, lambda connection: run(connection, change, d=bytes(32)))
    assert [name for name, _ in broken(store)] == [
        f"2, positions {two.first} to {two.last}",
        f"3, positions {three.first} to {three.last}",
    ]
    with store.database.writing() as connection:
        run(connection, change, d=two.digest)
        run(connection, "delete from addressee_seal where number = 3")
    problem = f"seal 2, up to position {two.last}, should be before it and is not"
    assert broken(store) == [(f"4, positions {four.first} to {four.last}", problem)]


def test_R30_who_makes_the_seals_anew_is_found_by_what_was_kept_elsewhere(store: SqlStore) -> None:
    live(store)
    sealer(store).run()
    kept = seals(store)

    def forge(connection: Connection) -> None:
        change_payload(connection, kept[1].first)
        run(connection, "delete from addressee_seal")

    with store.auditing() as audit:
        assert lost_anchors(audit, kept, page=3) == []
    tamper(store, forge)
    sealer(store).run()
    assert broken(store) == []
    with store.auditing() as audit:
        assert lost_anchors(audit, reversed(kept), page=3) == [*kept[1:]]


@pytest.mark.parametrize(
    "statement", ["update addressee_seal set events = 0", "delete from addressee_seal"]
)
def test_R30_seals_refuse_to_be_changed(store: SqlStore, url: str, statement: str) -> None:
    live(store)
    store.seal()
    before = seals(store)
    engine = create_engine(url)
    match = "seals are never changed or deleted"
    with pytest.raises(exc.DBAPIError, match=match), engine.begin() as own:
        own.execute(text(statement))
    engine.dispose()
    assert seals(store) == before


def test_sealers_that_race_make_one_chain_beside_writers(store: SqlStore) -> None:
    done = Event()

    def write() -> None:
        for seed in range(12):
            live(store, seed, 10)
        done.set()

    def seal(_: int) -> list[Seal]:
        made: list[Seal] = []
        while not done.is_set():
            sealer(store, page=3).run(made.append)
        return made

    with ThreadPoolExecutor(5) as threads:
        threads.submit(write)
        made = [seal for seals in threads.map(seal, range(4)) for seal in seals]
    store.seal()
    found = verify(store)
    assert (found.sealed, found.differences) == (found.position, ())
    assert len({seal.number for seal in made}) == len(made), "each seal was made once"
    assert len(made) > 10
