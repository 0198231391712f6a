"""Reading the ledger in order without ever missing an event that is committed late.

A position is assigned when an event is written and becomes visible when its transaction commits, so
on a database with several writers a lower one can appear after a higher one. A follower must not
have passed it by then. docs/ordering.md describes the method and why it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, func, select

from addressee.application.caching.by_epoch import ByEpoch

from ..engine.database import Database
from ..engine.epochs import epoch_of
from ..engine.fork import renew_after_fork
from ..schema.tables import Schema
from .event_statements import LAST
from .ordering_protocols import Barrier, TakeBarrier
from .ordering_strategies import ordering_on


class Settled(NamedTuple):
    """A position up to which the ledger is settled, and in which epoch of the database."""

    position: int
    epoch: int


class Known:
    """What was found in one epoch: later ones give its positions and transaction ids again.

    Attributes:
        settled: up to where the ledger is.
        barrier: a barrier, and the last position that was visible before it was taken.
    """

    def __init__(self) -> None:
        self.settled = 0
        self.barrier: tuple[Barrier, int] | None = None


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
        self._known = ByEpoch(Known)
        renew_after_fork(self)

    def forked(self) -> None:
        """Take a new lock."""
        self._lock = Lock()

    def rows(self, query: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        """Return the rows that a query on the ledger's table gives from its settled part."""
        while True:
            last, epoch = self.settled()
            settled = query.where(self._table.c.position <= last)
            # A transaction that began before this moment might not see all that is settled now.
            with self._database.reading() as connection:
                if epoch_of(connection) == epoch:
                    return connection.execute(settled).all()

    def known(self, connection: Connection) -> int:
        """Return a position up to which no event will appear any more, by what was found before.

        Args:
            connection: to what the position is to be used for.
        """
        found = self._known.at(epoch_of(connection))
        return LAST if self._take_barrier is None else found.settled

    def look(self) -> None:
        """Move `known` on as far as writers have ended, by short queries however much is new."""
        if self._take_barrier is not None:
            with self._database.reading() as connection:
                last = Settled(highest(connection, self._table.c.position), epoch_of(connection))
            self._holes_are_final(last, self._take_barrier)

    def settled(self) -> Settled:
        """Return the last position up to which no event will appear any more."""
        while True:
            with self._database.reading() as connection:
                epoch = epoch_of(connection)
                known = self._known.at(epoch)
                last = highest(connection, self._table.c.position)
                if self._take_barrier is None:
                    return Settled(last, epoch)
                hole = self._first_hole(connection, known, last)
            if hole is None:
                return Settled(self._advance(known, last), epoch)
            final = self._holes_are_final(Settled(last, epoch), self._take_barrier)
            if final is False:
                return Settled(max(hole - 1, known.settled), epoch)

    def _first_hole(self, connection: Connection, known: Known, last: int) -> int | None:
        """Return the first unsettled position below ``last`` that has no event."""
        # Times are only noted of events that are settled.
        noted = self._schema.time_span.c.last
        settled = known.settled or self._advance(known, highest(connection, noted))
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

    def _holes_are_final(self, last: Settled, take: TakeBarrier) -> bool | None:
        """Return whether every transaction that could fill a hole has ended, so that all count.

        Args:
            last: the last position that was visible.
            take: returns a barrier.

        Returns:
            None where the database is in another epoch by now.
        """
        known = self._known.at(last.epoch)
        taken = known.barrier
        if taken is None:
            with self._database.writing() as connection:
                if epoch_of(connection) != last.epoch:
                    return None
                taken = take(connection, self._schema), last.position
            with self._lock:
                # Of two barriers at once the earlier one counts, or later writers put it off.
                taken = known.barrier = known.barrier or taken
        barrier, seen = taken
        with self._database.writing() as connection:
            if epoch_of(connection) != last.epoch:
                return None
            if not barrier.passed(connection):
                return False
        self._advance(known, seen)
        return True

    def _advance(self, known: Known, position: int) -> int:
        """Note that the ledger is settled up to a position; return up to where it is."""
        with self._lock:
            known.settled = max(known.settled, position)
            if known.barrier is not None and known.barrier[1] <= known.settled:
                known.barrier = None
            return known.settled


def highest(connection: Connection, column: Column[int]) -> int:
    """Return the highest value of a column; 0 where there is none."""
    found: int | None = connection.execute(select(func.max(column))).scalar()
    return found or 0
