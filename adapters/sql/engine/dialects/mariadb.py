"""MariaDB, and MySQL, which differs little."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Table, func, select

from addressee.domain import StoreUnavailable

from .base import DatabaseDialect, Writers, quoted, trigger_names

DEADLOCK, CHANGED_SINCE_READ = 1213, 1020

LOCK_NAME = "addressee"
LOCK_SECONDS = 30

TRIGGER = """
CREATE TRIGGER {schema}{trigger} BEFORE {verb} ON {schema}{table} FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{refusal}'
"""
RANGE = """
CREATE TRIGGER {schema}{in_range} AFTER INSERT ON {schema}{table} FOR EACH ROW
IF NOT ({condition}) THEN
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{refusal}'; END IF
"""


class MariadbDialect(DatabaseDialect):
    """Chooses each transaction's isolation: by default writers would lock gaps, and each other."""

    name = "mariadb"
    writers = Writers.SHARE_ROWS
    ddl_commits = True

    def statement_limit(self, seconds: float) -> str:
        """Return the setting of seconds."""
        return f"SET max_statement_time = {seconds}"

    def begin_read(self, connection: Connection, first: str) -> None:
        """Begin; the first statement that reads chooses the moment."""
        self._begin(connection, "REPEATABLE READ", first)

    def begin_write(self, connection: Connection, first: str) -> None:
        """Begin."""
        self._begin(connection, "READ COMMITTED", first)

    def _begin(self, connection: Connection, level: str, first: str) -> None:
        connection.execution_options(isolation_level=level)
        connection.begin()
        if first:
            connection.exec_driver_sql(first)

    def begin_within(self, connection: Connection) -> None:
        """Do nothing: the host's transaction is begun as it is."""

    def commit(self, connection: Connection) -> None:
        """Commit by the driver."""
        connection.commit()

    def roll_back(self, connection: Connection) -> None:
        """Roll back by the driver."""
        connection.rollback()

    def lost_race(self, error: BaseException | None) -> bool:
        """Look at the number, which the drivers put first."""
        return error is not None and error.args[:1] in {(DEADLOCK,), (CHANGED_SINCE_READ,)}

    @contextmanager
    def alone(self, connection: Connection) -> Generator[None]:
        """Take the lock until the block is committed; raises StoreUnavailable after 30 seconds."""
        if not connection.execute(select(func.get_lock(LOCK_NAME, LOCK_SECONDS))).scalar():
            raise StoreUnavailable("another process is making or migrating the tables")
        try:
            yield
            connection.commit()
        finally:
            connection.execute(select(func.release_lock(LOCK_NAME)))

    def or_update(self, table: Table, columns: Sequence[Column[Any]]) -> str:
        """Return MariaDB's words for it."""
        others = [column.name for column in columns if not column.primary_key]
        return f" ON DUPLICATE KEY UPDATE {', '.join(f'{n} = VALUES({n})' for n in others)}"

    def append_only(self, sql: Dialect, table: Table, refusal: str) -> Sequence[str]:
        """Return one trigger for each statement that is refused."""
        names = trigger_names(sql, table, "no_UPDATE", "no_DELETE")
        return [
            TRIGGER.format(verb=verb, trigger=names[f"no_{verb}"], refusal=refusal, **names)
            for verb in ("UPDATE", "DELETE")
        ]

    def in_range(self, sql: Dialect, table: Table, condition: str, refusal: str) -> Sequence[str]:
        """Return a trigger: no CHECK may name a column that numbers rows."""
        names = trigger_names(sql, table, "in_range")
        return [RANGE.format(condition=condition.format(row="NEW."), refusal=refusal, **names)]

    def hold(self, sql: Dialect, tables: Sequence[Table]) -> str:
        """Return a query that locks the tables' definitions."""
        return f"SELECT 1 FROM {', '.join(quoted(sql, t) for t in tables)} LIMIT 0"  # noqa: S608 # our own names


class MysqlDialect(MariadbDialect):
    """MySQL."""

    name = "mysql"

    def statement_limit(self, seconds: float) -> str:
        """Return the setting of milliseconds."""
        return f"SET max_execution_time = {int(seconds * 1000)}"
