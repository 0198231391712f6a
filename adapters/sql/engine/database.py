"""The two kinds of transaction that a store opens."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Event, RLock
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, event, exc
from sqlalchemy.engine import URL
from sqlalchemy.pool import Pool

from addressee.domain import Conflict, InvalidValue, StoreUnavailable, values

from .compiled_query import Read
from .dialects import Writers, dialect_of
from .driver_errors import TranslatedErrors
from .engine_factory import connections_in_use, made_engine, run_on_connect
from .epochs import EPOCH, Epochs, Identity
from .fork import rest_at_fork

REST_SECONDS = 1
"""How long at most a fork waits for queries that are under way in other threads."""
LONGEST_STATEMENT = 2_000_000
"""Seconds: servers count milliseconds in 32 bits."""
ATTEMPTS = 3
"""How often a view is begun that deadlocks."""


BeginRead = Callable[[Connection, str], None]


class Connections(Protocol):
    """Open transactions, or show one that is open already."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a transaction that sees one moment."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """Open a transaction that commits when the block ends, and rolls back when it raises."""
        ...


class Database:
    """One engine, and transactions on it.

    Where writers take turns, threads of this process queue on a lock first, since SQLite's own
    waiting is polling.

    Args:
        target: the host's engine, or a URL to make one for.
        statement_timeout: seconds after which a server gives up a statement of the engine that is
            made here.
        meets: whether to ask each new connection for its epoch.

    Attributes:
        engine: SQLAlchemy's.
        epochs: those that were seen of it.
        dialect: the database's own ways.
        single_writer: whether writers take turns.
        of_host: whether the engine is the host's.

    Raises:
        InvalidValue: the URL can't be read, or names a database that is not supported; a timeout is
            given where nothing can keep it.
    """

    def __init__(
        self,
        target: Engine | str | URL,
        statement_timeout: float | None = None,
        *,
        meets: bool = True,
    ) -> None:
        self.of_host = isinstance(target, Engine)
        self.engine = target if isinstance(target, Engine) else made_engine(target)
        self.dialect = dialect_of(self.engine)
        self.dialect.check(self.engine)
        self.epochs = Epochs()
        self._meets = meets and not self.dialect.in_file
        self._given_up = 0.0
        if not self.of_host and not self.dialect.in_file:
            event.listen(self.engine, "checkout", self._refuse_given_up)
        self._limit = ""
        if statement_timeout is not None:
            if self.of_host:
                raise InvalidValue("statement_timeout", "of a host's engine is the host's to set")
            values.number("statement_timeout", statement_timeout, 0.001, LONGEST_STATEMENT)
            if statement := self.dialect.session_limit(statement_timeout):
                run_on_connect(self.engine, statement)
            self._limit = self.dialect.transaction_limit(statement_timeout)
        self.single_writer = self.dialect.writers is Writers.TAKE_TURNS
        # A lock would block the event loop in which a host's asynchronous driver waits.
        self._queues = self.single_writer and not self.engine.dialect.is_async
        self._turn: RLock | nullcontext[None] = RLock() if self._queues else nullcontext()
        self._gate: Event | None = None
        self._inherited: list[Pool] = []
        rest_at_fork(self)

    def forking(self) -> None:
        """Close all connections to a file, for SQLite can't tell a new process from this one.

        It notes in memory which locks the process has, and a copy of that memory is wrong
        (https://sqlite.org/howtocorrupt.html, 2.6).
        """
        if not self._queues:
            return
        self._gate = Event()
        self._turn.__enter__()
        deadline = time.monotonic() + REST_SECONDS
        while connections_in_use(self.engine.pool) and time.monotonic() < deadline:
            time.sleep(0.001)
        self.engine.dispose()

    def went_on(self) -> None:
        """Let threads go on that came meanwhile."""
        if self._gate is not None:
            self._turn.__exit__(None, None, None)
            self._gate.set()
            self._gate = None

    def forked(self) -> None:
        """Begin with an empty pool; the sessions stay the other process's."""
        self._inherited.append(self.engine.pool)  # or its connections would be closed when it goes
        self.engine.dispose(close=False)
        self._gate = None
        if self._queues:
            self._turn = RLock()

    @contextmanager
    def reading(self, first: str = "", begin: BeginRead | None = None) -> Generator[Connection]:
        """Open a transaction that sees one moment.

        Args:
            first: a statement to run before the moment is chosen.
            begin: begins the transaction with it, by default as soon as there is a connection.
        """
        dialect = self.dialect
        if (gate := self._gate) is not None:
            gate.wait(REST_SECONDS)
        with TranslatedErrors(dialect), self._connected() as connection:
            try:
                (begin or self._begin_read)(connection, self._with_limit(first))
                yield connection
            except BaseException as error:
                self._undo(connection, error)
                raise
            dialect.end_read(connection)

    @contextmanager
    def at_once(self) -> Generator[Connection]:
        """Open a connection for a statement that reads and needs no transaction around it."""
        if self._limit:  # which is a transaction's
            with self.reading() as connection:
                yield connection
            return
        if (gate := self._gate) is not None:
            gate.wait(REST_SECONDS)
        with TranslatedErrors(self.dialect), self._connected() as connection:
            try:
                self.dialect.begin_nothing(connection)
                yield connection
            except BaseException as error:
                self._undo(connection, error)
                raise

    @contextmanager
    def writing(self, first: str = "") -> Generator[Connection]:
        """Open a transaction that commits when the block ends, and rolls back when it raises.

        Args:
            first: a statement to run before any other.
        """
        with self.writing_after(None, first) as (connection, _):
            yield connection

    @contextmanager
    def writing_after(
        self, read: Callable[[], Read | None] | None, first: str = ""
    ) -> Generator[tuple[Connection, tuple[Read, Sequence[tuple[Any, ...]]] | None]]:
        """Open the same, and give the query with its rows if they came with the begin.

        Args:
            read: of a transaction that finds all that it reads and changes by keys: returns the
                query that is run first, if it is known.
            first: a statement to run before any other.
        """
        dialect, first = self.dialect, self._with_limit(first)
        with (
            self._turn,
            TranslatedErrors(dialect, self._connected),
            self._connected() as connection,
        ):
            try:
                pipelines, known = dialect.pipelines(connection.dialect), None
                if pipelines and read is not None and (query := read()) is not None:
                    text, parameters = query.query.bound(connection, query.values, query.named)
                    known = query, dialect.begin_and_read(connection, first, text, parameters)
                else:
                    dialect.begin_write(connection, first, by_key=read is not None)
                yield connection, known
            except BaseException as error:
                self._undo(connection, error)
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

    def _begin_read(self, connection: Connection, first: str) -> None:
        """Begin a view; one that a migration's locks deadlock with begins again."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.dialect.begin_read(connection, first)
            except exc.DBAPIError as error:
                lost = isinstance(self.dialect.meaning(error.orig), Conflict)
                if not lost or attempt == ATTEMPTS:
                    raise
                self.dialect.roll_back(connection)
                connection.rollback()  # SQLAlchemy has noted a begin as well
            else:
                return

    def _connected(self) -> Connection:
        """Return a connection; raises InvalidValue for a wrong URL, StoreUnavailable for none."""
        try:
            connection = self.engine.connect()
        except (TypeError, ValueError, AttributeError, exc.ProgrammingError, exc.ArgumentError):
            problem = "has an option or value that the driver {} does not take"
            raise InvalidValue("store", problem.format(self.engine.dialect.driver)) from None
        except exc.InvalidRequestError as error:
            if type(error) is not exc.InvalidRequestError:
                raise
            # What the pool opened in place of a lost connection was given up meanwhile, too.
            raise StoreUnavailable("connections are lost as fast as they are opened") from None
        if self._meets and connection.info.get(EPOCH) != self.epochs.newest:
            try:
                self._meet(connection)
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
        return connection

    def _meet(self, connection: Connection) -> None:
        """Find out the epoch of a new connection; raises StoreUnavailable for one that is over."""
        if EPOCH in connection.info:
            connection.invalidate()  # it leads to a server that was replaced; now it is a new one
        identity = self.dialect.identity(connection)
        if identity is None:
            self._meets = False
            return
        connection.info[EPOCH] = self.epoch(identity)
        connection.info["opened"] = time.monotonic()  # not before others were given up

    def epoch(self, identity: Identity) -> int:
        """Return the number of a server's epoch, giving up others; raises as `Epochs.number`."""
        number, replaces = self.epochs.number(identity)
        if replaces:
            self.give_up()
        return number

    def _with_limit(self, first: str) -> str:
        return f"{self._limit}; {first}" if self._limit and first else self._limit or first

    def _undo(self, connection: Connection, error: BaseException) -> None:
        """Roll back, or give the connection up where a new one would fare better."""
        if isinstance(error, exc.DBAPIError) and self.dialect.is_stale(error.orig):
            connection.invalidate()
            self.give_up()
        elif not connection.invalidated:  # as SQLAlchemy does where Ctrl-C ends a statement
            self.dialect.roll_back(connection)

    def give_up(self) -> None:
        """Replace each connection that is open before it is used again: they lead nowhere now.

        A host's engine keeps its other ones, each until an error of its own.
        """
        if not self.of_host:
            self._given_up = time.monotonic()

    def _refuse_given_up(self, _: object, record: Any, __: object) -> None:  # noqa: ANN401 # the pool's
        """Have the pool replace a connection from before `give_up`."""
        if record.info["opened"] <= self._given_up:
            raise exc.InvalidatePoolError

    def close(self) -> None:
        """Close the pooled connections; a host's engine stays as it is."""
        if not self.of_host:
            self.engine.dispose()
