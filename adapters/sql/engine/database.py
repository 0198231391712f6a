"""The two kinds of transaction that a store opens."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from addressee.domain import InvalidValue

from .dialects import Writers, dialect_of
from .driver_errors import translated
from .pool import limit_statements, made_engine


class Database:
    """One engine, and transactions on it.

    Where writers take turns, threads of this process queue on a lock first, since SQLite's own
    waiting is polling.

    Args:
        target: the host's engine, or a URL to make one for.
        statement_timeout: seconds after which a server gives up a statement of the engine that is
            made here.

    Attributes:
        engine: SQLAlchemy's.
        dialect: the database's own ways.
        single_writer: whether writers take turns.

    Raises:
        InvalidValue: the URL can't be read, or names a database that is not supported; a timeout is
            given where nothing can keep it.
    """

    def __init__(self, target: Engine | str | URL, statement_timeout: float | None = None) -> None:
        self._hosts = target if isinstance(target, Engine) else None
        self.engine = target if isinstance(target, Engine) else made_engine(target)
        self.dialect = dialect_of(self.engine)
        if statement_timeout is not None:
            if self._hosts is not None:
                raise InvalidValue("statement_timeout", "of a host's engine is the host's to set")
            limit_statements(self.engine, self.dialect, statement_timeout)
        self.single_writer = self.dialect.writers is Writers.TAKE_TURNS
        self._turn: AbstractContextManager[Any] = Lock() if self.single_writer else nullcontext()

    @contextmanager
    def reading(self, first: str = "") -> Generator[Connection]:
        """Open a transaction that sees one moment.

        Args:
            first: a statement to run before the moment is chosen.
        """
        dialect = self.dialect
        with translated(dialect), self.engine.connect() as connection:
            dialect.begin_read(connection, first)
            try:
                yield connection
            except BaseException:
                dialect.roll_back(connection)
                raise
            dialect.end_read(connection)

    @contextmanager
    def writing(self, first: str = "") -> Generator[Connection]:
        """Open a transaction that commits when the block ends, and rolls back when it raises.

        Args:
            first: a statement to run before any other.
        """
        dialect = self.dialect
        with self._turn, translated(dialect), self.engine.connect() as connection:
            dialect.begin_write(connection, first)
            try:
                yield connection
            except BaseException:
                dialect.roll_back(connection)
                raise
            dialect.commit(connection)

    @contextmanager
    def alone(self) -> Generator[Connection]:
        """Open a transaction that writes while no other process makes or migrates tables.

        Raises:
            StoreUnavailable: another process takes too long.
        """
        with self.writing() as connection, self.dialect.alone(connection):
            yield connection

    def close(self) -> None:
        """Close the pooled connections; a host's engine stays as it is."""
        if self._hosts is None:
            self.engine.dispose()
