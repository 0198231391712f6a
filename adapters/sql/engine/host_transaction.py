"""Joining a transaction of the host's, and learning how it ended.

SQLAlchemy reports the begin of a commit and its failure, not its end. It has succeeded when the
connection, without an error in between, begins something new or goes back to its pool.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, event, exc
from sqlalchemy.engine import ExceptionContext

from addressee.domain import InvalidValue, StoreUnavailable

from .dialects import dialect_of
from .driver_errors import TranslatedErrors
from .fork import renew_after_fork

NOTICES = "addressee_notices"
"""Where a connection that the pool lends carries its notices."""


class Joining:
    """Opens savepoints in transactions of the host's.

    Args:
        engine: the store's; connections must be of it, for then they are of the same database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = dialect_of(engine)
        self._lock = Lock()
        self._known: WeakSet[Connection] = WeakSet()
        self._listens = False
        renew_after_fork(self)

    def forked(self) -> None:
        """Take a new lock."""
        self._lock = Lock()

    @contextmanager
    def joined(self, host: object, committed: Callable[[], None]) -> Generator[Connection]:
        """Open a savepoint; it is released when the block ends, and rolled back when it raises.

        Args:
            host: a SQLAlchemy connection or session.
            committed: called once the host's transaction is committed, and never if it is not.

        Raises:
            InvalidValue: it is neither, or of another engine, or commits each statement by itself.
            Conflict: a race was lost; the host's transaction goes on.
            StoreUnavailable: the database rolled the host's whole transaction back, or is gone.
        """
        with TranslatedErrors(self._dialect):
            connection = self._connection(host)
            notices = self._notices(connection)
            self._dialect.begin_within(connection)
            savepoint = connection.begin_nested()
        try:
            with TranslatedErrors(self._dialect):
                yield connection
                savepoint.commit()
        except BaseException as error:
            take_back(connection, savepoint.rollback, error)
            raise
        notices.waiting.append(committed)

    def _connection(self, host: object) -> Connection:
        connection = host
        if not isinstance(host, Connection):
            from sqlalchemy.orm import Session  # noqa: PLC0415 # a host that has one has loaded it

            connection = host.connection() if isinstance(host, Session) else host
        if not isinstance(connection, Connection):
            raise InvalidValue("transaction", "should be a SQLAlchemy connection or session")
        if connection.engine.pool is not self._engine.pool:
            raise InvalidValue("transaction", "should be of the engine that the store was given")
        if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
            raise InvalidValue("transaction", "commits each statement by itself")
        return connection

    def _notices(self, connection: Connection) -> Notices:
        notices: Notices = connection.info.setdefault(NOTICES, Notices())
        with self._lock:
            if not self._listens:
                event.listen(self._engine, "checkin", back_in_pool)
                event.listen(self._engine, "handle_error", failed)
                self._listens = True
            if connection not in self._known:
                self._known.add(connection)
                notices.listen(connection)
        return notices


class Notices:
    """Callbacks for the commit of a connection's open transaction."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.committing = False
        self._savepoints: list[int] = []

    def listen(self, connection: Connection) -> None:
        """Follow what happens to the connection's transactions."""
        event.listen(connection, "commit", self._commits)
        event.listen(connection, "begin", self.settle)
        event.listen(connection, "rollback", self.drop)
        event.listen(connection, "savepoint", self._savepoint)
        event.listen(connection, "release_savepoint", self._released)
        event.listen(connection, "rollback_savepoint", self._rolled_back)

    def settle(self, *_: object) -> None:
        """Call those whose transaction was committed, drop the others."""
        due = self.waiting if self.committing else []
        self.drop()
        for notify in due:
            notify()

    def drop(self, *_: object) -> None:
        """Drop all: the transaction was rolled back."""
        self.waiting, self._savepoints, self.committing = [], [], False

    def _commits(self, *_: object) -> None:
        self.committing = True

    def _savepoint(self, *_: object) -> None:
        self._savepoints.append(len(self.waiting))

    def _released(self, *_: object) -> None:
        self._savepoints[-1:] = []

    def _rolled_back(self, *_: object) -> None:
        # A savepoint that is not known was set before the first notice.
        mark = self._savepoints.pop() if self._savepoints else 0
        del self.waiting[mark:]


def back_in_pool(_: object, record: Any) -> None:  # noqa: ANN401 # the pool's own
    """Settle the notices of a connection that returns to the pool."""
    if (notices := record.info.get(NOTICES)) is not None:
        notices.settle()


def failed(context: ExceptionContext) -> None:
    """Drop the notices of a connection whose commit fails."""
    connection = context.connection
    notices = None if connection is None or connection.closed else connection.info.get(NOTICES)
    if notices is not None and notices.committing:
        notices.drop()


def take_back(connection: Connection, rollback: Callable[[], None], cause: BaseException) -> None:
    """Roll back to the savepoint; raise StoreUnavailable where all is rolled back already.

    MariaDB does so over a deadlock, and every server with a connection that it closes.
    """
    try:
        rollback()
    except exc.SQLAlchemyError:
        whole = connection.get_transaction()
        if whole is not None:
            whole.rollback()
        problem = f"the database rolled the host's whole transaction back: {cause}"
        raise StoreUnavailable(problem) from None
