"""What a database has to do so that events are read in one order, none of them late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import Connection, Dialect, Table

from ..engine.bulk_write import Write
from ..engine.dialects.base import Row
from ..schema.tables import Schema
from .event_statements import EventStatements


class Barrier(Protocol):
    """Represent all transactions that may hold a position from before the barrier was taken."""

    def passed(self, connection: Connection) -> bool:
        """Return whether all of them have ended."""
        ...


TakeBarrier = Callable[[Connection, Schema], Barrier]


class Ordering(Protocol):
    """Assign positions, and say when a missing one is missing for good."""

    def insert(
        self,
        connection: Connection,
        prepared: EventStatements,
        rows: Sequence[Row],
        together_with: Sequence[Write] = (),
        *,
        commits: bool = False,
    ) -> list[int]:
        """Add rows to the ledger and return their positions, which ascend.

        Args:
            connection: with a transaction that `Database` or `Joining` has begun.
            prepared: statements on the store's tables.
            rows: stream, version, topic and state of each event.
            together_with: writes to other tables.
            commits: whether nothing follows in the transaction, so that it may be committed at
                once. It need not be.
        """
        ...

    @property
    def barrier(self) -> TakeBarrier | None:
        """Takes a barrier; None where writers take turns, so that nothing appears late."""
        ...

    def share(self, sql: Dialect, schema: Schema) -> str:
        """Return the statement with which a writer begins; "" where it needs none."""
        ...

    def join_writers(self, connection: Connection, schema: Schema) -> None:
        """Begin as a writer, once nobody keeps writers out any more: before other rows are locked.

        Who keeps them out may lock the same rows afterwards.
        """
        ...

    def keep_writers_out(self, connection: Connection, schema: Schema) -> None:
        """Wait for the writers that are under way, and block others until the transaction ends."""
        ...

    def keep_commands_out(self, connection: Connection, schema: Schema) -> None:
        """Do the same with transactions that have read of the ledger what they decide on."""
        ...

    def keep_users_out(
        self, connection: Connection, schema: Schema, table: Table, seconds: float
    ) -> None:
        """Do the same with commands that have read a table, and block all others from it.

        A host's transaction may see it as it was before, though.

        Raises:
            StoreUnavailable: they do not end within the seconds, or one more.
        """
        ...
