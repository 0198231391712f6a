"""Checkpoint and lease of a projection: one row, which changes together with the projected rows.

A lease has one runner work while the others wait, and another take over when it dies. Exactness
does not depend on it, or on clocks: a page counts only if the row is still as its runner left it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from addressee.application.default_clock_and_ids import utc_now
from addressee.domain import Conflict, values
from addressee.domain.times import EPOCH, from_microseconds, to_microseconds

from ..engine.database import Connections
from ..schema.tables import Schema

if TYPE_CHECKING:
    from addressee.adapters.serialization.sealed_event_format import Locked
    from addressee.adapters.serialization.sealing import Sealing

SECONDS = 10.0
DAY = 86_400
MOST_EVENTS = 1_000_000
"""The largest page."""


class Problem(NamedTuple):
    """An event that a projection could not take, and why, in the words of what it raised."""

    position: int
    cause: str


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    """The status of a projection.

    Attributes:
        position: of the last event that it has taken.
        behind: how many positions the ledger is ahead.
        holder: the runner that works on it, if one does.
        until: when that one's lease ends unless it is renewed, as each page does.
        paused: whether it waits to be resumed.
        problem: what stopped it, if anything.
    """

    position: int
    behind: int
    holder: str | None
    until: datetime
    paused: bool
    problem: Problem | None


class Lease:
    """One runner's part in a projection.

    Args:
        database: where.
        schema: its tables.
        name: the projection's.
        seconds: how long the lease lasts if it is not renewed.
        clock: gives the time, aware of its zone.
        sealing: seals what a projection raised, which may be about a person.

    Raises:
        InvalidValue: ``seconds`` is no number from 0 to a day.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, most with a default
        self,
        database: Connections,
        schema: Schema,
        name: str,
        *,
        seconds: float = SECONDS,
        clock: Callable[[], datetime] = utc_now,
        sealing: Sealing | Locked | None = None,
    ) -> None:
        self.name = name
        self._sealing = sealing
        self.holder = uuid4().hex
        self._database = database
        self._table = schema.projection
        self._events = schema.event
        self._row = self._table.c.name == name
        self._length = timedelta(seconds=values.number("lease", seconds, 0, DAY))
        self._longest = 2 * to_microseconds(EPOCH + self._length)
        """How far ahead a lease can end if the clocks of two hosts differ by less than one lease.
        One that ends later was written by a wrong clock, and counts as over."""
        self._clock = clock

    def take(self) -> int | None:
        """Return how far the projection is, if it is this runner's turn; else None."""
        try:
            return self._take()
        except Conflict as conflict:
            if conflict.final:
                raise
            return None  # another runner has made the row, or taken it, at that moment

    def _take(self) -> int | None:
        table, holder = self._table, self._table.c.holder
        now = self._moment()
        over = or_(table.c.until < now, table.c.until > now + self._longest)
        free = or_(holder.is_(None), holder == self.holder, over)
        runs = and_(table.c.paused == 0, table.c.problem_at.is_(None))
        with self._database.writing() as connection:
            if self.known(connection) is None:
                row = {"name": self.name, "position": 0, "until": 0, "paused": 0}
                connection.execute(insert(table), row)
            mine = {"holder": self.holder, "until": self._end()}
            taken = update(table).where(self._row, free, runs).values(**mine)
            if connection.execute(taken).rowcount == 0:
                return None
            position: int = connection.execute(
                select(table.c.position).where(self._row)
            ).scalar_one()
            return position

    def holds(self, row: Row[*tuple[Any, ...]]) -> bool:
        """Whether a row as it was read is this runner's for two thirds of a lease at least."""
        mine = row.holder == self.holder and not row.paused and row.problem_at is None
        later = to_microseconds(self._clock() + self._length * 2 / 3)
        return mine and later <= row.until <= self._moment() + self._longest

    def advance(self, connection: Connection, before: int, after: int) -> None:
        """Note, in the transaction that projects them, that events were taken.

        Args:
            connection: with the transaction.
            before: how far the projection was.
            after: how far it is.

        Raises:
            Conflict: it is not there any more, or another runner works on it.
        """
        table = self._table
        as_left = self.as_left(before)
        moved = update(table).where(as_left).values(position=after, until=self._end())
        if connection.execute(moved).rowcount == 0:
            raise Conflict(f"projection:{self.name}", before, after)

    def as_left(self, position: int) -> ColumnElement[bool]:
        """Return the condition that no other runner has worked on the row."""
        table = self._table
        return and_(self._row, table.c.holder == self.holder, table.c.position == position)

    def release(self) -> None:
        """Let others work on it at once."""
        self._set(self._table.c.holder == self.holder, holder=None, until=0)

    def fail(self, connection: Connection, problem: Problem) -> None:
        """Stop the projection for everybody, until it is resumed."""
        stopped = {"problem_at": problem.position, "problem": self.written(problem)}
        mine = self._table.c.holder == self.holder
        free = {"holder": None, "until": 0}
        connection.execute(update(self._table).where(self._row, mine).values(**stopped, **free))

    def written(self, problem: Problem) -> bytes:
        """Return the cause of a problem as it is stored."""
        cause = problem.cause.encode()
        if self._sealing is None:
            return cause
        return self._sealing.value(self._place(problem.position), cause)

    def problem(self, position: int, written: bytes) -> Problem:
        """Return a stored problem; raises StoreSealed without the keys of a sealed store."""
        if self._sealing is not None:
            written = self._sealing.opened_value(self._place(position), written)
        return Problem(position, written.decode())

    def _place(self, position: int) -> str:
        return f"problem of {self.name} at {position}"

    def pause(self) -> None:
        """Let no runner work on it until it is resumed; a page that is under way ends first."""
        self._set(paused=1)

    def resume(self) -> None:
        """Let it go on where it was paused or stopped; the lease is free for any runner."""
        self._set(paused=0, problem_at=None, problem=None, holder=None, until=0)

    def restart(self, connection: Connection) -> None:
        """Have it begin again, in the transaction that clears what it has projected."""
        again = {"position": 0, "problem_at": None, "problem": None}
        connection.execute(update(self._table).where(self._row).values(**again))

    def move(self, connection: Connection, position: int) -> int:
        """Have it go on behind another position; return where it was, 0 if it never ran."""
        found = self.known(connection)
        row = {"position": position, "until": 0, "paused": 0}
        if found is None:
            connection.execute(insert(self._table), {"name": self.name} | row)
            return 0
        connection.execute(update(self._table).where(self._row).values(position=position))
        before: int = found.position
        return before

    def forget(self, connection: Connection) -> None:
        """Forget the projection."""
        connection.execute(delete(self._table).where(self._row))

    def status(self) -> ProjectionStatus | None:
        """Return its status; None if no runner has ever worked on it."""
        newest = select(self._events.c.position).order_by(self._events.c.position.desc()).limit(1)
        with self._database.reading() as connection:
            found = self.known(connection)
            last: int = connection.execute(newest).scalar() or 0
        if found is None:
            return None
        problem = None
        if found.problem_at is not None:
            problem = self.problem(found.problem_at, bytes(found.problem))
        return ProjectionStatus(
            found.position,
            max(last - found.position, 0),
            found.holder if 0 <= found.until - self._moment() <= self._longest else None,
            from_microseconds(found.until),
            bool(found.paused),
            problem,
        )

    def held(self) -> str:
        """Return by which runner it is held and until when, in words for an error."""
        found = self.status()
        if found is None or found.holder is None:
            return f"{self.name} is free again"
        return f"{self.name} is held by {found.holder} until {found.until:%Y-%m-%dT%H:%M:%SZ}"

    def known(self, connection: Connection) -> Row[*tuple[Any, ...]] | None:
        """Return its row, if a runner has ever worked on it."""
        return connection.execute(select(self._table).where(self._row)).first()

    def _set(self, *conditions: ColumnElement[bool], **values: object) -> None:
        with self._database.writing() as connection:
            connection.execute(update(self._table).where(self._row, *conditions).values(**values))

    def _moment(self) -> int:
        return to_microseconds(self._clock())

    def _end(self) -> int:
        return to_microseconds(self._clock() + self._length)
