"""SQLite: one writer at a time, a file instead of a server."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Table, UniqueConstraint
from sqlalchemy.engine import URL

from addressee.domain import AddresseeError, Conflict, InvalidValue, StoreUnavailable

from .base import (
    LOCK_SECONDS,
    NEVER_CHANGED,
    WAITED,
    DatabaseDialect,
    Row,
    Way,
    as_parameters,
    as_sqlalchemy,
    run,
    trigger_names,
)
from .writers import Writers

TOO_OLD = (
    "another process has written since your transaction began: begin it again, with BEGIN IMMEDIATE"
)
DRIVER_BEGINS = (
    "needs an engine whose driver begins no transactions of its own: leave `autocommit` as it is"
)
REFUSALS = {
    sqlite3.SQLITE_CONSTRAINT_CHECK,
    sqlite3.SQLITE_CONSTRAINT_NOTNULL,
    sqlite3.SQLITE_CONSTRAINT_TRIGGER,
}
TOGETHER = 32
"""Most rows that one statement inserts."""
NOT_WRITABLE = (
    "SQLite writes its file's folder even to read; where nobody writes, open"
    " sqlite:///file:PATH?immutable=1&uri=true"
)

TRIGGER = """
CREATE TRIGGER IF NOT EXISTS {schema}{trigger} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{refusal}'); END
"""
REPLACE = """
CREATE TRIGGER IF NOT EXISTS {schema}{no_REPLACE} BEFORE INSERT ON {table}
WHEN {exists}
BEGIN SELECT RAISE(ABORT, '{refusal}'); END
"""
RANGE = """
CREATE TRIGGER IF NOT EXISTS {schema}{in_range} AFTER INSERT ON {table}
WHEN NOT ({condition})
BEGIN SELECT RAISE(ABORT, '{refusal}'); END
"""


class SqliteDialect(DatabaseDialect):
    """Has a writer say so at its begin (BEGIN IMMEDIATE), so that what it reads still holds."""

    name = "sqlite"
    writers = Writers.TAKE_TURNS
    in_file = True
    asynchronous = ("aiosqlite",)
    mark = "?"

    def engine_options(self, url: URL) -> tuple[URL, dict[str, Any]]:
        """Return how long to wait for other processes; raises InvalidValue without a file."""
        if url.database in (None, "", ":memory:"):
            raise InvalidValue("store", "needs a file: sqlite:///path (in memory, use MemoryStore)")
        return url, {"connect_args": {"timeout": LOCK_SECONDS}}

    def configure(self, connection: Any) -> None:  # noqa: ANN401 # the driver's own
        """Set WAL mode, fully synchronous."""
        cursor = connection.cursor()
        switch_to_wal(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    def file_of(self, url: URL) -> Path | None:
        """Return the file, also of a URI (https://sqlite.org/uri.html)."""
        return Path((url.database or ".").removeprefix("file:"))

    def session_limit(self, seconds: float) -> str:
        """Raise InvalidValue: there is no server that could give up."""
        raise InvalidValue("statement_timeout", "is known to servers only")

    def begin_read(self, connection: Connection, first: str) -> None:
        """Begin by the driver's cursor: SQLAlchemy needs longer than a whole query takes."""
        if connection.engine.dispatch.begin:
            connection.begin()  # a host's listener begins, or would do so later, within ours
            return
        run(connection, "BEGIN DEFERRED")

    def begin_write(self, connection: Connection, first: str, *, by_key: bool = False) -> None:
        """Begin by a statement of ours; the driver would begin late and not for writing."""
        if connection.engine.dispatch.begin:
            connection.begin()  # likewise
            raw: Any = connection.connection.driver_connection
            if raw.in_transaction:
                self.roll_back(connection)
        run(connection, "BEGIN IMMEDIATE")
        if first:
            run(connection, first)

    def begin_within(self, connection: Connection) -> None:
        """Begin where the driver has not yet: it would commit a savepoint that stands alone."""
        raw: Any = connection.connection.driver_connection
        if not raw.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def commit(self, connection: Connection) -> None:
        """Commit by a statement of ours."""
        run(connection, "COMMIT")

    def roll_back(self, connection: Connection) -> None:
        """Roll back by the driver, which does nothing where SQLite has rolled back already."""
        try:
            connection.connection.rollback()
        except sqlite3.Error as error:
            raise as_sqlalchemy(error, connection) from error

    def meaning(self, error: BaseException | None) -> AddresseeError | None:
        """Tell a view that is too old to write, and a file that can't be written."""
        code = getattr(error, "sqlite_errorcode", 0)
        if code == sqlite3.SQLITE_ERROR and "within a transaction" in str(error):
            return InvalidValue("store", DRIVER_BEGINS)
        if code == sqlite3.SQLITE_BUSY_SNAPSHOT:
            return Conflict("read models", 0, 1, TOO_OLD)
        if code & 0xFF == sqlite3.SQLITE_BUSY:
            return StoreUnavailable(WAITED)
        if code & 0xFF in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
            return StoreUnavailable(f"{error}; {NOT_WRITABLE}")
        return None

    def is_refusal(self, error: BaseException | None) -> bool:
        """Look at the extended code; our trigger refuses versions that are there, as a key does."""
        code = getattr(error, "sqlite_errorcode", 0)
        return code in REFUSALS and NEVER_CHANGED not in str(error)

    def write(self, connection: Connection, text: str, way: Way, rows: Sequence[Row]) -> None:
        """Run a statement for rows by the driver's cursor, which inserts many by each statement.

        Where a table has triggers, each statement has a journal of its own.
        """
        if way != "insert":
            run(connection, text, as_parameters(way, rows))
            return
        for many, parameters in together(text, rows):
            run(connection, many, parameters)

    def append_only(self, sql: Dialect, table: Table, refusal: str) -> Sequence[str]:
        """Return one trigger for each statement that is refused.

        INSERT OR REPLACE deletes rows without a trigger, so a row must not exist when it is added.
        """
        names = trigger_names(sql, table, "no_UPDATE", "no_DELETE", "no_REPLACE")
        exists = "\nOR ".join(
            f"EXISTS (SELECT 1 FROM {names['table']}\nWHERE {same})"  # noqa: S608 # our own names
            for same in same_keys(table)
        )
        return [
            *(
                TRIGGER.format(verb=verb, trigger=names[f"no_{verb}"], refusal=refusal, **names)
                for verb in ("UPDATE", "DELETE")
            ),
            REPLACE.format(exists=exists, refusal=refusal, **names),
        ]

    def rename_parts(self, connection: Connection, schema: str | None, old: str, new: str) -> None:
        """Make indexes again under their new names, since there is no other way."""
        place = f'"{schema}".' if schema else ""
        quote = connection.dialect.identifier_preparer.quote
        found = connection.exec_driver_sql(
            f"SELECT name, sql FROM {place}sqlite_master WHERE type = 'index' AND sql IS NOT NULL"  # noqa: S608 # our own names
        )
        for name, made in [row for row in found.all() if row[0].startswith(old)]:
            own = f"{new}{name.removeprefix(old)}"
            connection.exec_driver_sql(f"DROP INDEX {place}{quote(name)}")
            connection.exec_driver_sql(made.replace(name, own, 1))

    def in_range(self, sql: Dialect, table: Table, condition: str, refusal: str) -> Sequence[str]:
        """Return a trigger: a CHECK can't be added to a table that exists."""
        names = trigger_names(sql, table, "in_range")
        return [RANGE.format(condition=condition.format(row="NEW."), refusal=refusal, **names)]


def together(text: str, rows: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Yield inserts of 32, 16, … and 1 rows by one statement, each with parameters for its runs.

    Sizes that are powers of two keep the statements few, so that the driver has them all prepared.
    """
    group = f", ({', '.join('?' * len(rows[0]))})"
    at, size = 0, TOGETHER
    while left := len(rows) - at:
        while size > left:
            size //= 2
        end = at + left // size * size
        runs = [[*chain.from_iterable(rows[n : n + size])] for n in range(at, end, size)]
        yield text + group * (size - 1), runs
        at = end


def same_keys(table: Table) -> list[str]:
    """Return for each key of a table when a new row has the same."""
    unique = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
    return [
        " AND ".join(f"{column.name} = NEW.{column.name}" for column in key.columns)
        for key in (table.primary_key, *unique)
    ]


def switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Put a new file into WAL mode, which it then stays in.

    When several connections do so at once, SQLite refuses some without waiting, because two that
    wait for each other's lock would never end (https://sqlite.org/c3ref/busy_handler.html).
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # less what it is busy with
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
