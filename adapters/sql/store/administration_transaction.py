"""Applications, keys and sinks within one transaction that also adds to the ledger (R60)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection

from addressee.domain import Action

from ..checkpoints.sink_progress import SqlSinkProgress
from ..schema.tables import Schema
from ..unit_of_work.action_log import Log
from ..unit_of_work.shared_parts import Parts
from .applications import SqlApplications


class OneTransaction(NamedTuple):
    """A database of which a transaction is open already, and goes on."""

    connection: Connection

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """Return the connection."""
        yield self.connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Return the connection."""
        yield self.connection


class SqlAdministration:
    """An open transaction; its opener commits or rolls back.

    Args:
        connection: with its transaction begun.
        schema: the store's tables.
        parts: the store's.
        log: adds actions to the ledger.
    """

    def __init__(self, connection: Connection, schema: Schema, parts: Parts, log: Log) -> None:
        self._database = OneTransaction(connection)
        self._schema = schema
        self._parts = parts
        self._log = log
        self.applications = SqlApplications(self._database, schema)

    def sink(self, name: str, lease: float) -> SqlSinkProgress:
        """Return how far a sink is."""
        return SqlSinkProgress(self._database, self._schema, name, lease, self._parts.sealing)

    def record(self, *actions: Action) -> None:
        """Add actions to the ledger."""
        self._log(self._database.connection, actions)
