"""Small things that all statements share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import mysql, postgresql, sqlite

T = TypeVar("T")

IN_LIMIT = 900
"""Most values within one IN list: 999 is the smallest limit of an SQLite in use."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def pages(values: Iterable[T], size: int = IN_LIMIT) -> Iterator[list[T]]:
    """Yield the values in lists that fit a statement."""
    left = iter(values)
    while page := list(islice(left, size)):
        yield page


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, or where their primary key is there already, set the other columns.

    Nothing is deleted first, since on MariaDB that locks the gap in which a row would be, and so
    others who write beside it.
    """
    if not rows:
        return
    values = [column.name for column in table.columns if not column.primary_key]
    if connection.dialect.name in {"mysql", "mariadb"}:
        new = mysql.insert(table)
        statement = new.on_duplicate_key_update({name: new.inserted[name] for name in values})
        connection.execute(statement, rows)
        return
    # Both dialects' inserts have this; they share no type for it.
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    fresh = insert(table)
    connection.execute(
        fresh.on_conflict_do_update(
            index_elements=[*table.primary_key.columns],
            set_={name: fresh.excluded[name] for name in values},
        ),
        rows,
    )


def to_microseconds(moment: datetime) -> int:
    """Return a time as whole microseconds since 1970 in UTC, the same on every database."""
    return (moment - EPOCH) // MICROSECOND


def from_microseconds(number: int) -> datetime:
    """Return the time in UTC that a database holds as microseconds."""
    return EPOCH + number * MICROSECOND
