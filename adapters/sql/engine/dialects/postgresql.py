"""PostgreSQL: transaction ids, arrays, COPY."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Executable, Table, exc, func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.schema import CreateSchema

from addressee.domain import AddresseeError, Conflict, InvalidValue, StoreUnavailable

from ..epochs import Identity
from .base import (
    LOCK_SECONDS,
    MIGRATING,
    WAITED,
    DatabaseDialect,
    Row,
    Way,
    insert_into,
    quoted,
    run,
    trigger_names,
)
from .pipeline import rows_of
from .postgresql_arrays import columns_of
from .postgresql_replication import names_many, quick_to_fail, run_of
from .writers import Writers

BEGIN_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED"
TAKE_XID = "SELECT pg_current_xact_id()::text::bigint"
LIMIT_WAITING = (
    ", CASE current_setting('lock_timeout') WHEN '0'"
    f" THEN set_config('lock_timeout', '{LOCK_SECONDS}s', true) END"
)
"""Follows `TAKE_XID`: a limit that the host has set stays."""
BY_KEY = "".join(
    f", set_config('enable_{way}', 'off', true)" for way in ("seqscan", "hashjoin", "mergejoin")
)
"""Follows it too: a plan that was made while a table had few rows is kept until the server has
analyzed it, and would read the whole table for each command."""
LOCK_TIMED_OUT = "55P03"
RACES = {"40001": "serialization failure", "40P01": "deadlock"}
READ_ONLY = "25006"
REFUSALS = {"23502", "23514"}  # NOT NULL and CHECK
NO_DAMAGE = {"42501", "42601", "0A000"}
"""SQLSTATEs: a privilege is missing; the driver is set to prepare all, or a table has changed since
a statement was prepared."""
OF_ANOTHER_SESSION = {"26000", "42P05"}
"""SQLSTATEs: a prepared statement does not exist, or exists already."""
PROTOCOL = "08P01"
"""SQLSTATE: among others, a prepared statement takes other parameters."""
THRESHOLD = "prepare_threshold"
POOLER = (
    "behind a pooler that lends a session a transaction at a time, add ?prepare_threshold=none to"
    " the URL, or connect_args={'prepare_threshold': None} to the engine"
)

IDLE = 0
"""What libpq says of a session without a transaction."""

MANY = 500
"""From how many rows on COPY is faster."""

LOCK_NUMBER = int.from_bytes(b"adressee")
"""Of the advisory lock, which takes no names."""

FUNCTION = """
CREATE OR REPLACE FUNCTION {schema}{refuse}() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$
"""
TRIGGER = """
CREATE TRIGGER {no_change} BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}{table}
FOR EACH STATEMENT EXECUTE FUNCTION {schema}{refuse}()
"""

RANGE = "ALTER TABLE {schema}{table} ADD CONSTRAINT {in_range} CHECK ({condition}) NOT VALID"

RELATIONS = text(
    "SELECT c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = coalesce(:schema, current_schema()) AND starts_with(c.relname, :prefix)"
    " AND c.relkind IN ('r', 'i', 'S')"
)
KINDS = {"r": "TABLE", "i": "INDEX", "S": "SEQUENCE"}


class PostgresqlDialect(DatabaseDialect):
    """Begins and ends by statements of ours, in the driver's autocommit mode."""

    name = "postgresql"
    writers = Writers.HAVE_IDS
    arrays = True
    by_code = False  # but by the locale of the database
    asynchronous = ("psycopg", "psycopg_async")

    def engine_options(self, url: URL) -> tuple[URL, dict[str, Any]]:
        """Take psycopg's ``prepare_threshold``, which has to reach it as a number or None."""
        if names_many(url):
            url = quick_to_fail(url)
        given = url.query.get(THRESHOLD)
        if given is None:
            return url, {}
        if given != "none" and not (str(given).isdecimal() and int(str(given))):
            # With 0, psycopg would also prepare our BEGIN, which is several statements.
            raise InvalidValue("store", f"has a {THRESHOLD} that is neither none nor 1 or more")
        threshold = None if given == "none" else int(str(given))
        return url.difference_update_query([THRESHOLD]), {"connect_args": {THRESHOLD: threshold}}

    def identity(self, connection: Connection) -> Identity:
        """Ask for all of it, or else for what every server tells."""
        return run_of(connection)

    def transaction_limit(self, seconds: float) -> str:
        """Return the setting of milliseconds; a pooler would lend the session to others."""
        return f"SET LOCAL statement_timeout = {int(seconds * 1000)}"

    def begin_read(self, connection: Connection, first: str) -> None:
        """Begin in one round trip."""
        self._begin(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", first)

    def begin_nothing(self, connection: Connection) -> None:
        """Have the driver begin no transaction."""
        connection.execution_options(isolation_level="AUTOCOMMIT")

    def begin_write(self, connection: Connection, first: str, *, by_key: bool = False) -> None:
        """Likewise; readers rely on a writer's id being older than its positions."""
        settings = f"{LIMIT_WAITING}{BY_KEY}" if by_key else LIMIT_WAITING
        self._begin(connection, f"{BEGIN_WRITE}; {TAKE_XID}{settings}", first)

    def _begin(self, connection: Connection, begin: str, first: str) -> None:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        run(connection, f"{begin}; {first}" if first else begin)

    def begin_within(self, connection: Connection) -> None:
        """Take an id, which a transaction otherwise gets when it writes; limit its waiting."""
        connection.exec_driver_sql(f"{TAKE_XID}{LIMIT_WAITING}")

    def end_read(self, connection: Connection) -> None:
        """Commit, because the driver's autocommit mode can't be left within a transaction."""
        self.commit(connection)

    def commit(self, connection: Connection) -> None:
        """Commit by a statement of ours, unless `write_last` has."""
        raw: Any = connection.connection.driver_connection
        if not (self.pipelines(connection.dialect) and raw.info.transaction_status == IDLE):
            connection.exec_driver_sql("COMMIT")

    def roll_back(self, connection: Connection) -> None:
        """Roll back unless the connection is gone."""
        if not connection.invalidated:
            connection.exec_driver_sql("ROLLBACK")

    def meaning(self, error: BaseException | None) -> AddresseeError | None:
        """Look at the SQLSTATE."""
        state = getattr(error, "sqlstate", None)
        if state in RACES:
            return Conflict("read models", 0, 1, f"lost to another transaction: {RACES[state]}")
        if state == LOCK_TIMED_OUT:
            return StoreUnavailable(WAITED)
        if state in NO_DAMAGE:
            return StoreUnavailable(f"the database rejected a statement: {error}")
        if state == READ_ONLY:
            return StoreUnavailable(f"the database is read-only: {error}")
        if state in OF_ANOTHER_SESSION or (state == PROTOCOL and "bind message" in str(error)):
            return StoreUnavailable(f"{error}; {POOLER}")
        return None

    def is_refusal(self, error: BaseException | None) -> bool:
        """Look at the SQLSTATE."""
        return getattr(error, "sqlstate", None) in REFUSALS

    def is_stale(self, error: BaseException | None) -> bool:
        """Whether the session is read-only: after a failover, new ones may not be."""
        return getattr(error, "sqlstate", None) == READ_ONLY

    @contextmanager
    def alone(self, connection: Connection) -> Generator[None]:
        """Take the lock until the transaction ends."""
        try:
            connection.execute(select(func.pg_advisory_xact_lock(LOCK_NUMBER)))
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == LOCK_TIMED_OUT:
                raise StoreUnavailable(MIGRATING) from None
            raise
        yield

    def write_text(
        self, sql: Dialect, table: Table, columns: Sequence[Column[Any]], way: Way
    ) -> str:
        """Return a statement that takes one array a column, and so any number of rows."""
        names = [column.name for column in columns]
        arrays = ", ".join(f"%s::{column.type.compile(sql)}[]" for column in columns)
        rows = f"unnest({arrays}) WITH ORDINALITY AS u({', '.join(names)}, nth)"
        if way == "update":
            key, *others = names
            sets = ", ".join(f"{name} = u.{name}" for name in others)
            return (
                f"UPDATE {quoted(sql, table)} AS t SET {sets} FROM {rows} WHERE t.{key} = u.{key}"  # noqa: S608 # our own names
            )
        text = (
            f"{insert_into(sql, table, names)} SELECT {', '.join(names)} FROM {rows} ORDER BY nth"  # noqa: S608 # our own names
        )
        if way == "numbered":
            [number] = table.primary_key.columns
            return f"{text} RETURNING {number.name}"
        return text + self.or_update(table, columns) if way == "upsert" else text

    def write(self, connection: Connection, text: str, way: Way, rows: Sequence[Row]) -> None:
        """Write all rows in one round trip."""
        connection.exec_driver_sql(text, columns_of(rows))

    def pipelines(self, sql: Dialect) -> bool:
        """Whether it is psycopg 3 with a libpq of version 14 or later, and synchronous."""
        is_psycopg = sql.driver == "psycopg" and not sql.is_async
        return is_psycopg and sql.loaded_dbapi.Pipeline.is_supported()

    def begin_and_read(
        self, connection: Connection, first: str, text: str, parameters: object
    ) -> Sequence[tuple[Any, ...]]:
        """Do both in one round trip."""
        connection.execution_options(isolation_level="AUTOCOMMIT")
        begin = (BEGIN_WRITE, f"{TAKE_XID}{LIMIT_WAITING}{BY_KEY}", *filter(None, (first,)))
        return rows_of(connection, text, parameters, before=begin)

    def write_last(
        self, connection: Connection, text: str, parameters: Sequence[object], *, commits: bool
    ) -> Sequence[Sequence[Any]]:
        """Run a statement, return its rows, and commit in the same round trip.

        Args:
            connection: with its transaction begun.
            text: the statement.
            parameters: its own.
            commits: whether it is the transaction's last; otherwise, and where the driver can't
                send two statements at once, `commit` commits.
        """
        after = ("COMMIT",) if commits and self.pipelines(connection.dialect) else ()
        return rows_of(connection, text, parameters, after=after)

    def copies(self, sql: Dialect, rows: Sequence[Row]) -> bool:
        """Whether they are many, and the driver is psycopg 3."""
        return len(rows) >= MANY and sql.driver == "psycopg"

    def create_schema(self, name: str | None) -> Sequence[Executable]:
        """Return what makes the schema where there is none."""
        return [CreateSchema(name, if_not_exists=True)] if name else ()

    def append_only(self, sql: Dialect, table: Table, refusal: str) -> Sequence[str]:
        """Return a function that raises, and the trigger that calls it."""
        names = trigger_names(sql, table, "refuse", "no_change")
        return [each.format(refusal=refusal, **names) for each in (FUNCTION, TRIGGER)]

    def in_range(self, sql: Dialect, table: Table, condition: str, refusal: str) -> Sequence[str]:
        """Return a constraint; to validate the rows that exist would take a scan under a lock."""
        names = trigger_names(sql, table, "in_range")
        return [RANGE.format(condition=condition.format(row=""), **names)]

    def hold(self, sql: Dialect, tables: Sequence[Table]) -> str:
        """Return a lock that only a swap minds."""
        return f"LOCK TABLE {', '.join(quoted(sql, t) for t in tables)} IN ACCESS SHARE MODE"

    def limit_waiting(self, connection: Connection, seconds: float) -> None:
        """Set the limit."""
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{seconds}s'")

    def lock_exclusively(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Wait for the transactions that use the tables, and lock them."""
        names = ", ".join(quoted(connection.dialect, table) for table in tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")

    def rename_parts(self, connection: Connection, schema: str | None, old: str, new: str) -> None:
        """Rename all that is left of a prefix."""
        quote = connection.dialect.identifier_preparer.quote
        place = f"{quote(schema)}." if schema else ""
        for name, kind in connection.execute(RELATIONS, {"schema": schema, "prefix": old}).all():
            own = quote(f"{new}{name.removeprefix(old)}")
            connection.exec_driver_sql(f"ALTER {KINDS[kind]} {place}{quote(name)} RENAME TO {own}")

    def continue_numbers(self, connection: Connection, table: Table, column: str) -> None:
        """Set the column's sequence."""
        name = quoted(connection.dialect, table)
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence(%s, '{column}'),"  # noqa: S608 # our own names
            f" coalesce(max({column}), 0) + 1, false) FROM {name}",
            (name,),
        )
