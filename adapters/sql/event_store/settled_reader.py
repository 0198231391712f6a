"""Reading the ledger in order without ever missing an event that is committed late.

A position is assigned when an event is written and becomes visible when its transaction commits, so
on a database with several writers a lower one can appear after a higher one. A follower must not
have passed it by then. docs/ordering.md describes the method and why it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from sqlalchemy import Column, Connection, Select, func, select

from ..engine.database import Database
from ..engine.fork import renew_after_fork
from ..schema.tables import Schema
from .event_statements import LAST
from .ordering import Barrier, TakeBarrier
from .positions import ordering_on


class Tail:
    """Knows up to where the ledger is settled: no event will appear there any more.

    Any number of threads may share one. None waits for another's queries, and each query has its
    transaction alone: call it while no other transaction of the same thread is open.

    Args:
        database: where the ledger is.
        schema: its tables.
    """

    def __init__(self, database: Database, schema: Schema) -> None:
        self._database = database
        self._schema = schema
        self._table = schema.event
        self._take_barrier = ordering_on(database.engine).barrier
        self._lock = Lock()
        self._settled = 0
        self._barrier: tuple[Barrier, int] | None = None
        """A barrier, and the last position that was visible before it was taken."""
        renew_after_fork(self)

    def forked(self) -> None:
        """Take a new lock."""
        self._lock = Lock()

    def rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        """Return the rows that a query on the ledger's table gives from its settled part."""
        settled = query.where(self._table.c.position <= self.settled())
        # A transaction that began before this moment might not see all that is settled now.
        with self._database.reading() as connection:
            return connection.execute(settled).all()

    @property
    def known(self) -> int:
        """A position up to which no event will appear any more, by what was found before."""
        return LAST if self._take_barrier is None else self._settled

    def look(self) -> None:
        """Move `known` on as far as writers have ended, by short queries however much is new."""
        if self._take_barrier is not None:
            with self._database.reading() as connection:
                last = highest(connection, self._table.c.position)
            self._holes_are_final(last, self._take_barrier)

    def settled(self) -> int:
        """Return the last position up to which no event will appear any more."""
        while True:
            with self._database.reading() as connection:
                last = highest(connection, self._table.c.position)
                if self._take_barrier is None:
                    return last
                hole = self._first_hole(connection, last)
            if hole is None:
                return self._advance(last)
            if not self._holes_are_final(last, self._take_barrier):
                return max(hole - 1, self._settled)

    def _first_hole(self, connection: Connection, last: int) -> int | None:
        """Return the first unsettled position below ``last`` that has no event."""
        # Times are only noted of events that are settled.
        noted = self._schema.time_span.c.last
        settled = self._settled or self._advance(highest(connection, noted))
        if last <= settled:
            return None
        position = self._table.c.position
        numbered = (
            select(position, func.row_number().over(order_by=position).label("nth"))
            .where(position > settled, position <= last)
            .subquery()
        )
        place = numbered.c.nth + settled
        moved = select(func.min(place)).where(numbered.c.position != place)
        hole: int | None = connection.execute(moved).scalar()
        return hole

    def _holes_are_final(self, last: int, take: TakeBarrier) -> bool:
        """Whether every transaction that could fill a hole has ended; then they are skipped."""
        known = self._barrier
        if known is None:
            with self._database.writing() as connection:
                known = take(connection, self._schema), last
            with self._lock:
                # Of two barriers at once the earlier one counts, or later writers put it off.
                known = self._barrier = self._barrier or known
        barrier, seen = known
        with self._database.writing() as connection:
            if not barrier.passed(connection):
                return False
        self._advance(seen)
        return True

    def _advance(self, position: int) -> int:
        """Note that the ledger is settled up to a position; return up to where it is."""
        with self._lock:
            self._settled = max(self._settled, position)
            if self._barrier is not None and self._barrier[1] <= self._settled:
                self._barrier = None
            return self._settled


def highest(connection: Connection, column: Column[int]) -> int:
    """Return the highest value of a column; 0 where there is none."""
    found: int | None = connection.execute(select(func.max(column))).scalar()
    return found or 0
