"""PostgreSQL: transaction ids, arrays, COPY."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Executable, Table, func, select, text
from sqlalchemy.schema import CreateSchema

from .base import DatabaseDialect, Row, Way, Writers, insert_into, quoted, trigger_names

TAKE_XID = "SELECT pg_current_xact_id()::text::bigint"
SERIALIZATION_FAILURE, DEADLOCK = "40001", "40P01"

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

    def statement_limit(self, seconds: float) -> str:
        """Return the setting of milliseconds."""
        return f"SET statement_timeout = {int(seconds * 1000)}"

    def begin_read(self, connection: Connection, first: str) -> None:
        """Begin in one round trip."""
        self._begin(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", first)

    def begin_write(self, connection: Connection, first: str) -> None:
        """Likewise; readers rely on a writer's id being older than its positions."""
        self._begin(connection, f"BEGIN ISOLATION LEVEL READ COMMITTED; {TAKE_XID}", first)

    def _begin(self, connection: Connection, begin: str, first: str) -> None:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(f"{begin}; {first}" if first else begin)

    def begin_within(self, connection: Connection) -> None:
        """Take an id, which a transaction otherwise gets when it writes."""
        connection.exec_driver_sql(TAKE_XID)

    def end_read(self, connection: Connection) -> None:
        """Commit, because the driver's autocommit mode can't be left within a transaction."""
        self.commit(connection)

    def commit(self, connection: Connection) -> None:
        """Commit by a statement of ours."""
        connection.exec_driver_sql("COMMIT")

    def roll_back(self, connection: Connection) -> None:
        """Roll back unless the connection is gone."""
        if not connection.invalidated:
            connection.exec_driver_sql("ROLLBACK")

    def lost_race(self, error: BaseException | None) -> bool:
        """Look at the SQLSTATE."""
        return getattr(error, "sqlstate", None) in {SERIALIZATION_FAILURE, DEADLOCK}

    @contextmanager
    def alone(self, connection: Connection) -> Generator[None]:
        """Take the lock until the transaction ends."""
        connection.execute(select(func.pg_advisory_xact_lock(LOCK_NUMBER)))
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

    def limit_waiting(self, connection: Connection, seconds: int) -> None:
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


def columns_of(rows: Sequence[Row]) -> tuple[list[object], ...]:
    """Return rows turned into one list a column."""
    return tuple(list(column) for column in zip(*rows, strict=True))
