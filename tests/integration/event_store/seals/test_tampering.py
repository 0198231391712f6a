"""Whatever is changed behind the guards breaks the seal that covers it (R30)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from addressee.adapters.sql import SqlStore
from tests.integration.event_store.seals.sealing import (
    broken,
    change_payload,
    leave_a_hole,
    live,
    run,
    sealer,
    seals,
    tamper,
)


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


def test_R30_an_end_that_was_cut_off_breaks_the_seal(store: SqlStore) -> None:
    live(store)
    sealer(store).run()
    last = seals(store)[-1]
    cut = "delete from addressee_event where position >= :p"
    tamper(store, lambda connection: run(connection, cut, p=last.first))
    [(_, problem)] = broken(store)
    assert problem == f"0 events are there, {last.events} were sealed"
