"""Databases that many tests use one after another: to empty tables is faster than to make them."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, event, inspect
from sqlalchemy.exc import DBAPIError

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.dialects import dialect_of
from addressee.adapters.sql.engine.engine_factory import made_engine
from addressee.adapters.sql.engine.epochs import EPOCH
from addressee.adapters.sql.schema.append_only import triggers
from addressee.adapters.sql.schema.creation import write_first_rows
from addressee.adapters.sql.schema.tables import Schema

LARGE = 4 << 20
"""Bytes of all tables, from which on it is worth while to make their files anew."""
PATIENCE = 10
"""Seconds to wait for a transaction that a test has left open."""


GUARDS = {
    "postgresql": "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal)"
    " + (SELECT count(*) FROM pg_constraint WHERE contype = 'c')",
    "mariadb": "SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = database()",
}
"""Counts what refuses changes to ledger and seals; each database begins with as many."""


class Server(Protocol):
    def new_database(self) -> str: ...


class LentDatabases:
    """Lends the databases of a server.

    Args:
        server: makes databases.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free: list[Engine] = []
        self._schema = Schema.named()
        self._guards = 0
        self._notes: dict[Engine, list[dict[Any, Any]]] = {}

    @contextlib.contextmanager
    def engine(self) -> Generator[Engine]:
        """Yield an engine on a database that holds a store without events."""
        engine = self._free.pop() if self._free else self._made()
        for notes in self._notes[engine]:  # a new store would replace another one's connections
            notes.pop(EPOCH, None)
        reconnect(engine)
        yield engine
        reconnect(engine)
        found = {*inspect(engine).get_table_names()}
        if self._tables <= found and self._empty(engine, found - self._tables):
            self._free.append(engine)
        else:
            engine.dispose()

    def close(self) -> None:
        """Close the connections to those that are free."""
        for engine in self._free:
            engine.dispose()

    def _made(self) -> Engine:
        engine = made_engine(self._server.new_database())
        of_connections = self._notes.setdefault(engine, [])
        event.listen(engine, "connect", lambda _, record: of_connections.append(record.info))
        with SqlStore(engine), engine.connect() as connection:
            self._guards = guards(connection)
            return engine

    @property
    def _tables(self) -> set[str]:
        return {table.name for table in self._schema.metadata.tables.values()}

    def _empty(self, engine: Engine, others: Iterable[str]) -> bool:
        """Drop the tables of others, as a host has, and empty the store's.

        Returns:
            Whether it is as new; it is not where a host has triggers on other tables.
        """
        with engine.begin() as connection:
            dialect_of(connection).limit_waiting(connection, PATIENCE)
            for name in others:
                connection.exec_driver_sql(f"DROP TABLE {name}")
            if not (as_new := guards(connection) == self._guards):
                self._guard(connection)
                as_new = guards(connection) == self._guards
            if engine.dialect.name == "postgresql":
                self._empty_postgresql(connection)
            else:
                self._empty_mariadb(connection)
            write_first_rows(connection, self._schema)
            return as_new

    def _guard(self, connection: Connection) -> None:
        """Make the tables anew of which a forger has taken the guards away."""
        tables = [self._schema.event, self._schema.seal]
        self._schema.metadata.drop_all(connection, tables)
        self._schema.metadata.create_all(connection, tables)
        for trigger in triggers(dialect_of(connection), connection.dialect, self._schema):
            connection.exec_driver_sql(trigger.replace("%", "%%"))

    def _empty_postgresql(self, connection: Connection) -> None:
        """Delete all rows, which triggers refuse for some, but not in a replica.

        To truncate a table takes 20 times as long: it has new files then.
        """
        event = self._schema.event.name
        replica = "SET LOCAL session_replication_role = replica"
        restart = f"SELECT setval(pg_get_serial_sequence('{event}', 'position'), 1, false)"
        rows = [f"DELETE FROM {name}" for name in sorted(self._tables)]  # noqa: S608 # our own names
        connection.exec_driver_sql("; ".join([replica, *rows, restart]))
        if self._size(connection) > LARGE:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(self._tables)}")

    def _size(self, connection: Connection) -> int:
        """Return how many bytes the files of the store's tables have, with rows that are gone."""
        sizes = " + ".join(f"pg_relation_size('{name}')" for name in sorted(self._tables))
        return int(connection.exec_driver_sql(f"SELECT {sizes}").scalar_one())

    def _empty_mariadb(self, connection: Connection) -> None:
        """Truncate what has rows: some refuse to delete them, and deleted ones still are locked."""
        names = sorted(self._tables)
        # Whatever has no row but had one that was rolled back goes on counting; the ledger may not.
        found = " UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in names)  # noqa: S608 # our own names
        used = {*connection.exec_driver_sql(found).scalars(), self._schema.event.name}
        for name in sorted(used):
            connection.exec_driver_sql(f"TRUNCATE {name}")


class LentFiles:
    """Lends files of SQLite, with engines that have compiled their statements before.

    Args:
        empty: the file of a store without events, which others are copied from.
        folder: for the files, each in one of its own.
    """

    def __init__(self, empty: Path, folder: Path) -> None:
        self._empty = empty
        self._folder = folder
        self._free: list[Engine] = []
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def engine(self) -> Generator[Engine]:
        """Yield an engine on a file that holds a store without events."""
        engine = self._free.pop() if self._free else self._made()
        path = Path(str(engine.url.database))
        path.parent.mkdir()
        shutil.copy(self._empty, path)
        yield engine
        engine.dispose()
        shutil.rmtree(path.parent)
        self._free.append(engine)

    def _made(self) -> Engine:
        return made_engine(f"sqlite:///{self._folder / str(next(self._numbers))}/ledger.db")


def guards(connection: Connection) -> int:
    """Return how many triggers and constraints there are."""
    return int(connection.exec_driver_sql(GUARDS[connection.dialect.name]).scalar_one())


def reconnect(engine: Engine) -> None:
    """Replace the connections in the pool if a test has stopped the server since they were made."""
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except DBAPIError:
        engine.dispose()
