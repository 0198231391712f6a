"""Reading the ledger in order without ever missing an event that is committed late.

Positions are given when an event is written and seen when its transaction commits, so on a database
with several writers a lower one can appear after a higher one. What follows the ledger must not
have passed it by then. See docs/ordering.md for the method and why it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Select, func, select

from ..engine.database import Database
from ..schema.tables import Schema
from .positions import Barrier, ordering_on


class Tail:
    """Knows up to where the ledger is settled: no event will appear there any more.

    Args:
        database: where the ledger is.
        schema: its tables.
    """

    def __init__(self, database: Database, schema: Schema) -> None:
        self._database = database
        self._schema = schema
        self._table = schema.event
        self._ordering = ordering_on(database.engine.dialect)
        self._lock = Lock()
        self._settled = 0
        self._barrier: tuple[Barrier, int] | None = None
        """A barrier, and the last position seen before it was made."""

    def rows(
        self, query: Select[*tuple[Any, ...]], connection: Connection | None = None
    ) -> Sequence[Any]:
        """Return the rows that a query on the ledger's table gives from its settled part.

        Args:
            query: ordered by position.
            connection: an open transaction to use where the database has one writer at a time.
        """
        if self._database.is_sqlite:
            if connection is not None:
                return connection.execute(query).all()
            with self._database.reading() as own:
                return own.execute(query).all()
        settled = query.where(self._table.c.position <= self.settled())
        # A transaction that began before this moment might not see all that is settled now.
        with self._database.reading() as own:
            return own.execute(settled).all()

    def settled(self) -> int:
        """Return the last position up to which no event will appear any more."""
        with self._lock:
            while True:
                with self._database.reading() as connection:
                    newest = select(func.max(self._table.c.position))
                    last = connection.execute(newest).scalar() or 0
                    first_hole = self._first_hole(connection, last)
                if first_hole is None:
                    self._settled, self._barrier = max(last, self._settled), None
                    return self._settled
                if not self._holes_are_final(last):
                    return first_hole - 1

    def _first_hole(self, connection: Connection, last: int) -> int | None:
        """Return the first position behind the settled ones that has no event below ``last``."""
        if last <= self._settled:
            return None
        position = self._table.c.position
        numbered = (
            select(position, func.row_number().over(order_by=position).label("nth"))
            .where(position > self._settled, position <= last)
            .subquery()
        )
        place = numbered.c.nth + self._settled
        moved = select(func.min(place)).where(numbered.c.position != place)
        hole: int | None = connection.execute(moved).scalar()
        return hole

    def _holes_are_final(self, last: int) -> bool:
        """Whether every transaction that could fill a hole has ended; then they are passed over."""
        if self._barrier is None:
            with self._database.writing() as connection:
                barrier = self._ordering.barrier(connection, self._schema)
            if barrier is None:
                self._settled = last
                return True
            self._barrier = barrier, last
        barrier, seen = self._barrier
        with self._database.writing() as connection:
            if not barrier.passed(connection):
                return False
        self._settled, self._barrier = seen, None
        return True
