"""MariaDB, and MySQL, which differs little."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Column, Connection, Dialect, Table, exc, func, select

from addressee.domain import AddresseeError, Conflict, InvalidValue, StoreUnavailable

from .base import (
    LOCK_SECONDS,
    MIGRATING,
    WAITED,
    DatabaseDialect,
    quoted,
    trigger_names,
)
from .writers import Writers

RACES = {1213: "deadlock", 1020: "a row has changed since it was read"}
REFUSALS = {1048, 1644, 3819, 4025}
"""Numbers of errors: by NOT NULL, by a trigger, by CHECK on MySQL and on MariaDB."""
READ_ONLY = {1290, 1792, 1836}
"""Numbers of errors: by --read-only, in a read-only transaction, in read-only mode."""

CONNECTION_CLOSED = {0, 1153, 2006, 2013}
"""Numbers of errors, with or without a reason."""
LARGE = 100_000
"""Bytes of a statement from which on its length may be the reason."""

LOCK_NAME = "addressee"
LIMIT_WAITING = f"SET innodb_lock_wait_timeout = {LOCK_SECONDS}, lock_wait_timeout = {LOCK_SECONDS}"
"""For rows, and for a table's definition, which by default a statement waits for a day for."""
LOCK_TIMED_OUT = 1205

TRIGGER = """
CREATE TRIGGER IF NOT EXISTS {schema}{trigger} BEFORE {verb} ON {schema}{table} FOR EACH ROW
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{refusal}'
"""
RANGE = """
CREATE TRIGGER IF NOT EXISTS {schema}{in_range} AFTER INSERT ON {schema}{table} FOR EACH ROW
IF NOT ({condition}) THEN
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{refusal}'; END IF
"""


class MariadbDialect(DatabaseDialect):
    """Chooses each transaction's isolation: by default writers would lock gaps, and each other."""

    name = "mariadb"
    writers = Writers.SHARE_ROWS
    ddl_commits = True

    def configure(self, connection: Any) -> None:  # noqa: ANN401 # the driver's own
        """Limit how long its transactions wait for locks."""
        with connection.cursor() as cursor:
            cursor.execute(LIMIT_WAITING)

    def session_limit(self, seconds: float) -> str:
        """Return the setting of seconds."""
        return f"SET max_statement_time = {seconds}"

    def begin_read(self, connection: Connection, first: str) -> None:
        """Begin; the first statement that reads chooses the moment."""
        self._begin(connection, "REPEATABLE READ", first)

    def begin_write(self, connection: Connection, first: str, *, by_key: bool = False) -> None:
        """Begin."""
        self._begin(connection, "READ COMMITTED", first)

    def _begin(self, connection: Connection, level: str, first: str) -> None:
        # SQLAlchemy's own way takes two more round trips, and lets the driver's errors through.
        connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {level}")
        connection.exec_driver_sql("START TRANSACTION")
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

    def meaning(self, error: BaseException | None) -> AddresseeError | None:
        """Look at the number."""
        number = number_of(error)
        if number in RACES:
            return Conflict("read models", 0, 1, f"lost to another transaction: {RACES[number]}")
        if number == LOCK_TIMED_OUT:
            return StoreUnavailable(WAITED)
        if number in READ_ONLY:
            return StoreUnavailable(f"the database is read-only: {error}")
        return None

    def too_large(
        self, error: exc.DBAPIError, connect: Callable[[], Connection] | None
    ) -> AddresseeError | None:
        """Compare what was written with max_allowed_packet; escaping may double its length."""
        size = size_of(error.params)
        if number_of(error.orig) not in CONNECTION_CLOSED or size < LARGE:
            return None
        if connect is None:
            problem = f"{size} bytes were sent at once, perhaps beyond max_allowed_packet"
            return StoreUnavailable(f"the server closed the connection; {problem}")
        try:
            with connect() as connection:
                limit = connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one()
        except exc.SQLAlchemyError:
            return None  # the server is gone for another reason
        if 2 * size < limit:
            return None
        problem = f"writes {size} bytes at once, beyond the server's max_allowed_packet ({limit})"
        return InvalidValue("command", problem)

    def is_refusal(self, error: BaseException | None) -> bool:
        """Look at the number."""
        return number_of(error) in REFUSALS

    def is_stale(self, error: BaseException | None) -> bool:
        """Whether the server is read-only: after a failover, another one may not be."""
        return number_of(error) in READ_ONLY

    @contextmanager
    def alone(self, connection: Connection) -> Generator[None]:
        """Take the lock until the block is committed; raises StoreUnavailable after 30 seconds."""
        if not connection.execute(select(func.get_lock(LOCK_NAME, LOCK_SECONDS))).scalar():
            raise StoreUnavailable(MIGRATING)
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


@contextmanager
def patient(connection: Connection, variable: str, seconds: int) -> Generator[None]:
    """Have a variable limit how long the connection waits for locks, until the block ends."""
    usual: int = connection.exec_driver_sql(f"SELECT @@{variable}").scalar_one()
    connection.exec_driver_sql(f"SET SESSION {variable} = {seconds}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"SET SESSION {variable} = {usual}")


def number_of(error: BaseException | None) -> int:
    """Return the number of a driver's error, which comes first; 0 if it has none."""
    return error.args[0] if error is not None and error.args else 0


def size_of(parameters: object) -> int:
    """Return about how many bytes the parameters take; of many rows, the largest one's."""
    if isinstance(parameters, str):
        return len(parameters.encode())
    if isinstance(parameters, bytes):
        return len(parameters)
    if not isinstance(parameters, list | tuple):
        return 0
    sizes = [size_of(each) for each in cast("Sequence[object]", parameters)]
    return sum(sizes) if isinstance(parameters, tuple) else max(sizes, default=0)


class MysqlDialect(MariadbDialect):
    """MySQL."""

    name = "mysql"

    def session_limit(self, seconds: float) -> str:
        """Return the setting of milliseconds."""
        return f"SET max_execution_time = {int(seconds * 1000)}"
