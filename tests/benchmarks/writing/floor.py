"""The floor: the rows that our commands wrote, written again by the driver alone.

No command is decided, nothing is read, no argument looked at; the tables and their indexes are the
same, and so is what a commit means to the disk.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, LiteralString, NamedTuple, Self

import psycopg
from psycopg.sql import SQL
from sqlalchemy import create_engine, make_url, text

EVENTS: LiteralString = "addressee_event (stream, version, topic, state)"
HOLDERS: LiteralString = "addressee_holder (claim, person)"
DELTA: LiteralString = "addressee_delta (term, ordinal, present)"
BINDING = "update addressee_installation set person = {0}, bound_at = {0} where ordinal = {0}"

Rows = list[tuple[Any, ...]]


@dataclass
class Written:
    """The rows of one command, or of many."""

    events: Rows = field(default_factory=Rows)
    holders: Rows = field(default_factory=Rows)
    bindings: Rows = field(default_factory=Rows)
    delta: Rows = field(default_factory=Rows)

    def __iadd__(self, other: Written) -> Self:
        self.events += other.events
        self.holders += other.holders
        self.bindings += other.bindings
        self.delta += other.delta
        return self


class Command(NamedTuple):
    """Where a command's rows are to be found: its last position, and what it bound to whom."""

    position: int
    installation: str
    person: str


def last_rows(url: str) -> tuple[int, int]:
    """Return the last position and the last sequence of the delta."""
    engine = create_engine(url)
    with engine.connect() as connection:
        position = connection.execute(text("select max(position) from addressee_event")).scalar()
        sequence = connection.execute(text("select max(sequence) from addressee_delta")).scalar()
    engine.dispose()
    return position or 0, sequence or 0


def rows_of(url: str, commands: Sequence[Command], after: tuple[int, int]) -> list[Written]:
    """Return the rows that each command has left, which all came behind a position and sequence."""
    engine = create_engine(url)
    with engine.connect() as connection:

        def rows(query: str) -> list[Any]:
            return list(connection.execute(text(query), {"p": after[0], "s": after[1]}))

        events = rows(
            "select position, stream, version, topic, state from addressee_event"
            " where position > :p order by position"
        )
        claims: dict[str, Rows] = defaultdict(list)
        for claim, person in rows("select claim, person from addressee_holder"):
            claims[person].append((claim, person))
        bindings = {
            name: (person, bound_at, ordinal)
            for name, person, bound_at, ordinal in rows(
                "select id, person, bound_at, ordinal from addressee_installation"
            )
        }
        delta: dict[int, Rows] = defaultdict(list)
        for term, ordinal, present in rows(
            "select term, ordinal, present from addressee_delta where sequence > :s"
        ):
            delta[ordinal].append((term, ordinal, present))
    engine.dispose()
    found: list[Written] = []
    of_command = iter(events)
    for command in commands:
        own = up_to(command.position, of_command)
        binding = bindings[command.installation]
        found.append(
            Written(
                [tuple(row[1:]) for row in own],
                claims[command.person],
                [binding],
                delta[binding[2]],
            )
        )
    return found


def up_to(position: int, events: Iterator[Any]) -> list[Any]:
    """Take the events up to and with the one at a position."""
    taken = [next(events)]
    while taken[-1][0] != position:
        taken.append(next(events))
    return taken


def sqlite_floor(url: str, written: Sequence[Written]) -> None:
    """Write each in a transaction of its own, with the bare driver, fully synchronous."""
    with closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as raw:
        raw.execute("pragma journal_mode = wal")
        raw.execute("pragma synchronous = full")
        for one in written:
            raw.execute("begin immediate")
            raw.executemany(f"insert into {EVENTS} values (?, ?, ?, ?)", one.events)
            raw.executemany(f"insert into {HOLDERS} values (?, ?)", one.holders)
            raw.executemany(BINDING.format("?"), one.bindings)
            raw.executemany(f"insert into {DELTA} values (?, ?, ?)", one.delta)
            raw.execute("commit")


def postgres_floor(url: str, written: Sequence[Written]) -> None:
    """Write each in a transaction of its own, with psycopg alone, which pipelines many rows."""
    with psycopg.connect(conninfo(url), autocommit=True) as raw:
        for one in written:
            with raw.transaction(), raw.cursor() as cursor:
                cursor.executemany(f"insert into {EVENTS} values (%s, %s, %s, %s)", one.events)
                cursor.executemany(f"insert into {HOLDERS} values (%s, %s)", one.holders)
                cursor.executemany(BINDING.format("%s"), one.bindings)
                cursor.executemany(f"insert into {DELTA} values (%s, %s, %s)", one.delta)


def postgres_batch_floor(url: str, written: Sequence[Written]) -> None:
    """Write each in a transaction of its own, by COPY where rows are added."""
    with psycopg.connect(conninfo(url), autocommit=True) as raw:
        for one in written:
            with raw.transaction(), raw.cursor() as cursor:
                copy(cursor, EVENTS, one.events)
                copy(cursor, HOLDERS, one.holders)
                copy(cursor, DELTA, one.delta)
                cursor.execute(
                    "update addressee_installation as t set person = u.person,"
                    " bound_at = u.bound_at from unnest(%s::text[], %s::bigint[], %s::int[])"
                    " as u(person, bound_at, ordinal) where t.ordinal = u.ordinal",
                    [list(column) for column in zip(*one.bindings, strict=True)],
                )


def copy(cursor: psycopg.Cursor[Any], table: LiteralString, rows: Rows) -> None:
    """Add rows by COPY."""
    with cursor.copy(SQL("copy {} from stdin").format(SQL(table))) as copying:
        for row in rows:
            copying.write_row(row)


def conninfo(url: str) -> str:
    """Return a SQLAlchemy URL as psycopg reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
