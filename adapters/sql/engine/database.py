"""Connections and transactions; no driver's exception gets past this file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL

from addressee.domain import Conflict, InvalidValue, StoreDamaged, StoreUnavailable

from .compiled_query import as_sqlalchemy

LOCK_TIMEOUT = 30
"""How long a writer waits for the others, in seconds."""

TAKE_XID = "SELECT pg_current_xact_id()::text::bigint"
BEGIN = {
    ("sqlite", "write"): "BEGIN IMMEDIATE",
    ("postgresql", "read"): "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    # Readers rely on it that a writer has its transaction id before its positions (ordering.py).
    ("postgresql", "write"): f"BEGIN ISOLATION LEVEL READ COMMITTED; {TAKE_XID}",
}


class Database:
    """One engine, and the two kinds of transaction that a store opens on it.

    SQLite has one writer at a time. It is told so at the transaction's start (BEGIN IMMEDIATE), so
    that what a command has read still holds when it writes. Threads of this process queue on a lock
    before that, since SQLite's own waiting is polling.

    Args:
        target: the host's engine, or a URL to make one for.
        statement_timeout: seconds after which a server gives up a statement of the engine that is
            made here.

    Raises:
        InvalidValue: the URL can't be read, or names an SQLite database in memory; a timeout is
            given where it can't be kept.
    """

    def __init__(self, target: Engine | str | URL, statement_timeout: float | None = None) -> None:
        self._hosts = target if isinstance(target, Engine) else None
        self.engine = target if isinstance(target, Engine) else made_engine(target)
        if statement_timeout is not None:
            if self._hosts is not None:
                raise InvalidValue("statement_timeout", "of a host's engine is the host's to set")
            limit_statements(self.engine, statement_timeout)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writers: AbstractContextManager[Any] = Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def reading(self, first: str = "") -> Generator[Connection]:
        """Open a transaction that sees one moment.

        Args:
            first: a statement to run before the moment is chosen.
        """
        with translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                # By the driver's cursor, for a whole question takes less time than SQLAlchemy would
                # need here. Whoever closes the connection rolls back.
                try:
                    connection.connection.cursor().execute("BEGIN DEFERRED")
                except connection.dialect.loaded_dbapi.Error as error:
                    raise as_sqlalchemy(error, connection) from error
                yield connection
            else:
                with self._begun(connection, "read", first):
                    yield connection

    @contextmanager
    def writing(self, first: str = "") -> Generator[Connection]:
        """Open a transaction that commits when the block ends, and rolls back when it raises.

        Args:
            first: a statement to run before anything else.
        """
        with (
            self._writers,
            translated(),
            self.engine.connect() as connection,
            self._begun(connection, "write", first),
        ):
            yield connection

    @contextmanager
    def _begun(
        self, connection: Connection, mode: Literal["read", "write"], first: str
    ) -> Generator[None]:
        """Begin and end the transaction by statements of our own, where the database has them."""
        begin = BEGIN.get((self.engine.dialect.name, mode))
        if begin is None:
            # MariaDB's own default would have writers lock gaps, and wait for each other there.
            level = "REPEATABLE READ" if mode == "read" else "READ COMMITTED"
            connection.execution_options(isolation_level=level)
            with connection.begin():
                if first:
                    connection.exec_driver_sql(first)
                yield
            return
        # The drivers begin late and by themselves; in their autocommit mode we say when and how.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        # In one message, for PostgreSQL answers each after a while.
        connection.exec_driver_sql(f"{begin}; {first}" if first else begin)
        try:
            yield
        except BaseException:
            self._roll_back(connection)
            raise
        connection.exec_driver_sql("COMMIT")

    def _roll_back(self, connection: Connection) -> None:
        if self.is_sqlite:
            # The driver's own rollback does nothing where SQLite has rolled back already.
            connection.connection.rollback()
        elif not connection.invalidated:
            connection.exec_driver_sql("ROLLBACK")

    def close(self) -> None:
        """Close the connections that wait in the pool; those of a host's engine are the host's."""
        if self._hosts is None:
            self.engine.dispose()


def made_engine(target: str | URL) -> Engine:
    """Return an engine for a URL, set up for a ledger: SQLite in WAL mode, fully synchronous."""
    try:
        url = make_url(target)
        if url.get_backend_name() != "sqlite":
            engine = create_engine(url, hide_parameters=True)
            event.listen(engine, "checkin", note_time)
            event.listen(engine, "checkout", ping_if_idle)
            return engine
    except (exc.ArgumentError, ImportError) as error:
        raise InvalidValue("store", f"is no URL that can be opened: {error}") from None
    if url.database in (None, "", ":memory:"):
        raise InvalidValue("store", "needs a file: sqlite:///path (in memory, use MemoryStore)")
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": LOCK_TIMEOUT})

    def configure(connection: Any, _: object) -> None:  # noqa: ANN401 # a driver's own type
        cursor = connection.cursor()
        switch_to_wal(cursor)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    event.listen(engine, "connect", configure)
    return engine


def switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Put a new file into WAL mode, which it then stays in.

    When several connections do so at once, SQLite refuses some without waiting, for two that each
    wait for the other's lock never would end (https://sqlite.org/c3ref/busy_handler.html).
    """
    deadline = time.monotonic() + LOCK_TIMEOUT
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


IDLE_SECONDS = 1
"""How long a connection may wait in the pool without being asked whether it is still alive."""


def note_time(_: object, record: Any) -> None:  # noqa: ANN401 # the pool's own
    """Note when a connection goes back to the pool."""
    record.info["idle_since"] = time.monotonic()


def ping_if_idle(connection: Any, record: Any, _: object) -> None:  # noqa: ANN401 # likewise
    """Have the pool replace a connection that has died while it waited; asking costs a message."""
    idle_since = record.info.get("idle_since")
    if idle_since is None or time.monotonic() - idle_since < IDLE_SECONDS:
        return
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
        connection.rollback()
    except Exception as error:
        raise exc.DisconnectionError from error


TIMEOUTS = {
    "postgresql": "SET statement_timeout = {milliseconds}",
    "mariadb": "SET max_statement_time = {seconds}",
    "mysql": "SET max_execution_time = {milliseconds}",
}


def limit_statements(engine: Engine, seconds: float) -> None:
    """Have the server give up each statement that takes longer; raises InvalidValue on SQLite."""
    try:
        setting = TIMEOUTS[engine.dialect.name]
    except KeyError:
        raise InvalidValue("statement_timeout", "is known to servers only") from None
    statement = setting.format(seconds=seconds, milliseconds=int(seconds * 1000))

    def configure(connection: Any, _: object) -> None:  # noqa: ANN401 # a driver's own type
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.commit()  # or the pool's first rollback would take it back

    event.listen(engine, "connect", configure)


LOST_RACES = frozenset({"40001", "40P01", 1213, 1020})
"""SQLSTATE of a serialization failure and of a deadlock; MariaDB's numbers of the same."""


@contextmanager
def translated() -> Generator[None]:
    """Turn the driver's errors into the product's.

    A row that is there already was put there by somebody who was faster, since a transaction has
    looked before it writes.

    Raises:
        Conflict: a race was lost.
        StoreUnavailable: the database can't be reached, or is too busy.
        StoreDamaged: it does not understand what it is asked.
    """
    try:
        yield
    except exc.IntegrityError:
        raise Conflict("read models", 0, 1) from None
    except exc.TimeoutError:
        raise StoreUnavailable("no connection became free in time") from None
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError) as error:
        if LOST_RACES & {getattr(error.orig, "sqlstate", None), *number_of(error.orig)}:
            raise Conflict("read models", 0, 1) from None
        raise StoreUnavailable(f"the database did not do its work: {error.orig}") from None
    except exc.DatabaseError as error:
        raise StoreDamaged(f"the database refused: {error.orig}") from None


def number_of(error: BaseException | None) -> Sequence[object]:
    """Return a driver's error number, which MariaDB's and MySQL's drivers put first."""
    return () if error is None else error.args[:1]
