"""Seals, and changes that pass the guards of the ledger."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.event_store.seal_writer import Sealer
from addressee.application import Changes, Personalization, Seal, bulk, verify
from addressee.domain import key_fingerprint
from tests.contract.audiences.oracle import Life

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def live(store: SqlStore, seed: int = 0, steps: int = 30) -> None:
    life = Life(random.Random(seed), f"app{seed}")  # noqa: S311 # a life that can be had again
    bulk(Personalization(store), [life.step() for _ in range(steps)])


def sealer(store: SqlStore, page: int = 7) -> Sealer:
    parts, key = store.parts, key_fingerprint(store.identifier_key)
    where = store.database, parts.prepared, parts.tail
    return Sealer(*where, lambda _: key, page=page, clock=lambda: NOON)


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


def change_payload(connection: Connection, at: int) -> None:
    state = b'{"timestamp":"2026-01-01T00:00:00Z","actor":"nobody"}'
    run(connection, "update addressee_event set state = :s where position = :p", s=state, p=at)


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
