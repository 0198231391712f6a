"""What each database has to say for itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from sqlalchemy import Column, Connection, Dialect, Engine, Executable, Table, exc
from sqlalchemy.engine import URL

from addressee.domain import AddresseeError, InvalidValue

from ..epochs import Identity
from .writers import Writers

LOCK_SECONDS = 30
"""How long a transaction that writes waits for a lock of another one."""
WAITED = (
    "another transaction holds what this one needs, and does not end; one that is open in the same"
    " thread has to be given to the call as `transaction`"
)
MIGRATING = "another process is making or migrating the tables"

NEVER_CHANGED = "are never changed or deleted"
"""How a trigger of ours refuses to have a row of the ledger replaced, too."""

Row = Sequence[object]
Way = Literal["insert", "upsert", "update", "numbered"]
"""``upsert`` adds a row, or sets the other columns where its primary key exists already: deleting
first would on MariaDB lock the gap around the row, and block other writers there. ``update`` sets
the other columns of the rows that the first column names. ``numbered`` adds rows on PostgreSQL and
returns their numbers."""


class HasDialect(Protocol):
    """An engine, a connection or a migration context."""

    @property
    def dialect(self) -> Dialect:
        """Return SQLAlchemy's dialect."""
        ...


class DatabaseDialect(ABC):
    """A database's own statements and codes. Tables come as arguments.

    Attributes:
        name: SQLAlchemy's name of it.
        writers: how it tells which writers are under way.
        arrays: whether a statement takes a list as one array.
        ddl_commits: whether a statement that changes tables commits the transaction.
        in_file: whether the database is a file, so that no connection dies while it waits.
        by_code: whether it sorts texts by the codes of their characters.
    """

    name: ClassVar[str]
    writers: ClassVar[Writers]
    arrays: ClassVar[bool] = False
    ddl_commits: ClassVar[bool] = False
    in_file: ClassVar[bool] = False
    by_code: ClassVar[bool] = True
    asynchronous: ClassVar[Sequence[str]] = ()
    """Drivers of hosts' asynchronous engines that were tried."""
    mark: ClassVar[str] = "%s"
    """Stands for a parameter."""

    # Engines.

    def engine_options(self, url: URL) -> tuple[URL, dict[str, Any]]:
        """Return a URL without the options that only we know, and arguments of `create_engine`.

        Raises:
            InvalidValue: an option has an impossible value.
        """
        return url, {}

    def check(self, engine: Engine) -> None:
        """Raise InvalidValue for an engine whose transactions we can't begin ourselves."""
        driver = engine.dialect.driver
        if engine.dialect.is_async and driver not in self.asynchronous:
            usable = ", ".join(self.asynchronous) or "none"
            raise InvalidValue("store", f"can't be on {driver}; asynchronous drivers: {usable}")

    def configure(self, connection: Any) -> None:  # noqa: ANN401 # a driver's own type
        """Set a new connection of the driver's up."""

    def identity(self, connection: Connection) -> Identity | None:
        """Return which run of which server a new connection leads to; None if it can't be told."""
        return None

    def file_of(self, url: URL) -> Path | None:
        """Return the file that the database is in; None where a server has it."""
        return None

    def session_limit(self, seconds: float) -> str:
        """Return what limits each statement of a session; raises InvalidValue without a server."""
        return ""

    def transaction_limit(self, seconds: float) -> str:
        """Return the same for a transaction, where sessions may be shared."""
        return ""

    # Transactions.

    @abstractmethod
    def begin_read(self, connection: Connection, first: str) -> None:
        """Begin a transaction that sees one moment, chosen after the statement ``first``."""

    def begin_nothing(self, connection: Connection) -> None:
        """Have each statement be a transaction of its own, if that takes no round trip."""

    @abstractmethod
    def begin_write(self, connection: Connection, first: str, *, by_key: bool = False) -> None:
        """Begin a transaction that writes, with the statement ``first``.

        It finds all that it reads and changes by keys if it is ``by_key``.
        """

    def pipelines(self, sql: Dialect) -> bool:
        """Whether the driver can send a statement before the one before it is answered."""
        return False

    def begin_and_read(
        self, connection: Connection, first: str, text: str, parameters: object
    ) -> Sequence[tuple[Any, ...]]:
        """Begin as `begin_write` by keys and return a query's rows, where the driver pipelines."""
        raise NotImplementedError

    @abstractmethod
    def begin_within(self, connection: Connection) -> None:
        """Make a transaction that a host has begun, or is about to, one as `begin_write` does."""

    def end_read(self, connection: Connection) -> None:
        """End a transaction that read; by default its return to the pool does."""

    @abstractmethod
    def commit(self, connection: Connection) -> None:
        """Commit."""

    @abstractmethod
    def roll_back(self, connection: Connection) -> None:
        """Roll back, as far as the connection still can."""

    @abstractmethod
    def meaning(self, error: BaseException | None) -> AddresseeError | None:
        """Return the product's error for a driver's, if its code tells more than its class."""

    def too_large(
        self, error: exc.DBAPIError, connect: Callable[[], Connection] | None
    ) -> AddresseeError | None:
        """Return the refusal of a statement that is longer than the server takes.

        Args:
            error: what a statement raised.
            connect: gives another connection: the server closes the one that was used. None in a
                host's transaction, which is lost with it.
        """
        return None

    def is_refusal(self, error: BaseException | None) -> bool:
        """Whether a row is refused for what it is, and not for what another transaction wrote."""
        return False

    def is_stale(self, error: BaseException | None) -> bool:
        """Whether a driver's error says that a new connection would fare better than this one."""
        return False

    @contextmanager
    def alone(self, connection: Connection) -> Generator[None]:
        """Hold this product's advisory lock on the database; by default writers take turns.

        Raises:
            StoreUnavailable: another session holds it for too long.
        """
        yield

    # Bulk writes.

    def write_text(
        self, sql: Dialect, table: Table, columns: Sequence[Column[Any]], way: Way
    ) -> str:
        """Return the statement that writes rows of some columns in one of the ways."""
        names = [column.name for column in columns]
        if way == "update":
            key, *others = names
            sets = ", ".join(f"{name} = {self.mark}" for name in others)
            return f"UPDATE {quoted(sql, table)} SET {sets} WHERE {key} = {self.mark}"  # noqa: S608 # our own names
        values = ", ".join([self.mark] * len(names))
        text = f"{insert_into(sql, table, names)} VALUES ({values})"
        return text + self.or_update(table, columns) if way == "upsert" else text

    def or_update(self, table: Table, columns: Sequence[Column[Any]]) -> str:
        """Return the end of an insert that sets the columns of rows that exist already."""
        keys = ", ".join(column.name for column in table.primary_key.columns)
        others = [column.name for column in columns if not column.primary_key]
        sets = ", ".join(f"{name} = excluded.{name}" for name in others)
        return f" ON CONFLICT ({keys}) DO UPDATE SET {sets}"

    def write(self, connection: Connection, text: str, way: Way, rows: Sequence[Row]) -> None:
        """Run a statement of `write_text` for rows."""
        connection.exec_driver_sql(text, as_parameters(way, rows))

    def copies(self, sql: Dialect, rows: Sequence[Row]) -> bool:
        """Whether rows are so many that the driver's COPY is faster."""
        return False

    # Tables.

    def create_schema(self, name: str | None) -> Sequence[Executable]:
        """Return what makes a database schema that tables are to be in, if it can be made."""
        return ()

    @abstractmethod
    def append_only(self, sql: Dialect, table: Table, refusal: str) -> Sequence[str]:
        """Return triggers that have a table refuse to change or delete rows, with a sentence."""

    @abstractmethod
    def in_range(self, sql: Dialect, table: Table, condition: str, refusal: str) -> Sequence[str]:
        """Return what has a table refuse new rows outside a range, whatever it holds already.

        Args:
            sql: SQLAlchemy's dialect, which quotes names.
            table: which.
            condition: true of rows in the range; each column stands in it as ``{row}column``.
            refusal: a sentence.
        """

    def hold(self, sql: Dialect, tables: Sequence[Table]) -> str:
        """Return what keeps tables from being swapped while a transaction reads; "" if nothing."""
        return ""

    def limit_waiting(self, connection: Connection, seconds: float) -> None:
        """Have the transaction wait no longer than this for each lock on a table."""

    def lock_exclusively(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Keep readers and writers out of tables that are to be swapped."""

    def rename_parts(self, connection: Connection, schema: str | None, old: str, new: str) -> None:
        """Rename indexes and sequences, whose names begin with ``old``, after their table."""

    def continue_numbers(self, connection: Connection, table: Table, column: str) -> None:
        """Have a numbered column go on after the highest number in it."""


def as_parameters(way: Way, rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """Return rows as a statement for each takes them; the key of an update stands last in it."""
    if way == "update":
        return [(*row[1:], row[0]) for row in rows]
    return [*map(tuple, rows)]


def quoted(sql: Dialect, table: Table) -> str:
    """Return a table's name as a statement takes it, with its schema."""
    return sql.identifier_preparer.format_table(table)


def trigger_names(sql: Dialect, table: Table, *endings: str) -> dict[str, str]:
    """Return how the triggers of a table name it, its schema, and their own names by ending."""
    quote = sql.identifier_preparer.quote
    return {
        "schema": f"{quote(table.schema)}." if table.schema else "",
        "table": quote(table.name),
        **{ending: quote(f"{table.name}_{ending}") for ending in endings},
    }


def insert_into(sql: Dialect, table: Table, names: Sequence[str]) -> str:
    """Return the beginning of an insert."""
    return f"INSERT INTO {quoted(sql, table)} ({', '.join(names)})"


def run(connection: Connection, text: str, rows: Sequence[Sequence[object]] | None = None) -> None:
    """Run a statement by the driver's cursor, once or for each of some rows.

    SQLAlchemy's executor takes some 30 µs more. After an error, the statement that rolls back goes
    through it: it finds out whether the server is gone, and has the pool replace the connection.
    """
    cursor = connection.connection.cursor()
    try:
        if rows is None:
            cursor.execute(text)
        else:
            cursor.executemany(text, rows)
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemy(error, connection) from error
    finally:
        cursor.close()


def as_sqlalchemy(error: Exception, connection: Connection) -> exc.DBAPIError:
    """Return an error of a driver's cursor as SQLAlchemy's own executor would raise it."""
    sql = connection.dialect
    wrapped = exc.DBAPIError.instance(
        None, None, error, sql.loaded_dbapi.Error, hide_parameters=True, dialect=sql
    )
    assert isinstance(wrapped, exc.DBAPIError)  # noqa: S101 # tells the type checkers
    return wrapped
