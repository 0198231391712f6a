"""Databases that many tests use one after another: to empty tables is faster than to make them."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from typing import Protocol

from sqlalchemy import Engine, inspect

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.dialects import dialect_of
from addressee.adapters.sql.engine.pool import made_engine
from addressee.adapters.sql.schema.creation import write_first_rows
from addressee.adapters.sql.schema.tables import Schema

PATIENCE = 10
"""Seconds to wait for a transaction that a test has left open."""


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

    @contextlib.contextmanager
    def engine(self) -> Generator[Engine]:
        """Yield an engine on a database that holds a store without events."""
        engine = self._free.pop() if self._free else self._made()
        yield engine
        # The test may have stopped the server, which these connections do not know yet.
        engine.dispose()
        found = {*inspect(engine).get_table_names()}
        if self._tables <= found:
            self._empty(engine, found - self._tables)
            self._free.append(engine)
        engine.dispose()

    def _made(self) -> Engine:
        engine = made_engine(self._server.new_database())
        with SqlStore(engine):
            return engine

    @property
    def _tables(self) -> set[str]:
        return {table.name for table in self._schema.metadata.tables.values()}

    def _empty(self, engine: Engine, others: Iterable[str]) -> None:
        """Drop the tables of others, as a host has, and empty the store's."""
        with engine.begin() as connection:
            dialect_of(connection).limit_waiting(connection, PATIENCE)
            for name in others:
                connection.exec_driver_sql(f"DROP TABLE {name}")
            for statement in self._statements(engine.dialect.name):
                connection.exec_driver_sql(statement)
            write_first_rows(connection, self._schema)

    def _statements(self, dialect: str) -> Iterable[str]:
        # Triggers refuse to delete from these. TRUNCATE passes them, on PostgreSQL in a replica.
        kept = {self._schema.event.name, self._schema.seal.name}
        rows = [f"DELETE FROM {name}" for name in sorted(self._tables - kept)]  # noqa: S608 # our own names
        if dialect == "postgresql":
            replica = "SET LOCAL session_replication_role = replica"
            yield "; ".join([replica, *rows, f"TRUNCATE {', '.join(kept)} RESTART IDENTITY"])
        else:
            yield from (f"TRUNCATE {name}" for name in kept)
            yield from rows
