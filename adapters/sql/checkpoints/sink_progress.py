"""How far one sink is: a lease with counts and dead letters, each change in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, select, update

from addressee.application import DeadLetter, SinkState, Turn
from addressee.application.default_clock_and_ids import utc_now
from addressee.domain.times import from_microseconds, to_microseconds

from ..engine.database import Connections
from ..schema.tables import Schema
from .checkpoint_lease import Lease, Problem

if TYPE_CHECKING:
    from addressee.adapters.serialization.sealed_event_format import Locked
    from addressee.adapters.serialization.sealing import Sealing

PREFIX = "sink "
"""Before a sink's name in the table of projections, which has its position and its lease."""


class SqlSinkProgress:
    """The port's `SinkProgress` in three tables.

    Args:
        database: where.
        schema: its tables.
        name: the sink's.
        seconds: how long a lease lasts if it is not renewed.
        sealing: seals the reasons of sinks, which may name persons.
    """

    def __init__(
        self,
        database: Connections,
        schema: Schema,
        name: str,
        seconds: float,
        sealing: Sealing | Locked | None,
    ) -> None:
        self._database = database
        self._name = name
        self._lease = Lease(database, schema, f"{PREFIX}{name}", seconds=seconds, sealing=sealing)
        self._sink = schema.sink
        self._letter = schema.dead_letter
        self._own = self._sink.c.name == name
        self._letters = self._letter.c.sink == name

    def take(self) -> Turn | None:
        """Begin or renew a turn; writes only where there is less than two thirds of one left."""
        with self._database.reading() as connection:
            row = self._lease.known(connection)
            resend_to = connection.execute(select(self._sink.c.resend_to).where(self._own)).scalar()
        if row is not None and self._lease.holds(row):
            return Turn(row.position, resend_to or 0)
        position = self._lease.take()
        return None if position is None else Turn(position, resend_to or 0)

    def advance(
        self,
        before: int,
        after: int,
        *,
        sent: int = 0,
        retried: int = 0,
        dead: Sequence[DeadLetter] = (),
    ) -> None:
        """Note what was confirmed, and what was set aside."""
        with self._database.writing() as connection:
            self._lease.advance(connection, before, after)
            if sent or retried:
                self._count(connection, sent, retried)
            for letter in dead:
                self._bury(connection, letter)

    def release(self) -> None:
        """Let other relays work on it."""
        self._lease.release()

    def fail(self, position: int, reason: str) -> None:
        """Stop all relays."""
        with self._database.writing() as connection:
            self._lease.fail(connection, Problem(position, reason))

    def pause(self) -> None:
        """Stop all relays; makes the row, so that it counts for a relay that never ran."""
        with self._database.writing() as connection:
            if self._lease.known(connection) is None:
                self._lease.move(connection, 0)
        self._lease.pause()

    def resume(self) -> None:
        """Let relays go on."""
        self._lease.resume()

    def move(self, position: int) -> None:
        """Go on behind another position."""
        with self._database.writing() as connection:
            before = self._lease.move(connection, position)
            self._count(connection)
            higher = self._sink.c.resend_to < before
            mark = update(self._sink).where(self._own, higher).values(resend_to=before)
            connection.execute(mark)

    def dead_letters(self, after: int, limit: int, *, resend: bool = False) -> Sequence[DeadLetter]:
        """Return dead letters."""
        letter = self._letter
        found = select(letter).where(self._letters, letter.c.position > after)
        if resend:
            found = found.where(letter.c.resend == 1)
        with self._database.reading() as connection:
            rows = connection.execute(found.order_by(letter.c.position).limit(limit)).all()
        return [
            DeadLetter(
                *self._lease.problem(row.position, bytes(row.reason)),
                from_microseconds(row.at),
                bool(row.resend),
            )
            for row in rows
        ]

    def request_resend(self, positions: Sequence[int] | None) -> int:
        """Mark dead letters to be sent again."""
        marked = update(self._letter).where(self._letters)
        if positions is not None:
            marked = marked.where(self._letter.c.position.in_(positions))
        with self._database.writing() as connection:
            return connection.execute(marked.values(resend=1)).rowcount

    def settle(self, position: int, reason: str | None, *, retried: int = 0) -> None:
        """Note that a dead letter was sent again."""
        one = self._letter.c.position == position
        with self._database.writing() as connection:
            if reason is None:
                connection.execute(delete(self._letter).where(self._letters, one))
            else:
                again = {
                    "resend": 0,
                    "reason": self._written(position, reason),
                    "at": to_microseconds(utc_now()),
                }
                connection.execute(update(self._letter).where(self._letters, one).values(**again))
            self._count(connection, int(reason is None), retried)

    def state(self) -> SinkState | None:
        """Return what is recorded."""
        lease = self._lease.status()
        if lease is None:
            return None
        counts = select(self._sink.c.sent, self._sink.c.retried).where(self._own)
        dead = select(func.count()).select_from(self._letter).where(self._letters)
        with self._database.reading() as connection:
            sent, retried = connection.execute(counts).one_or_none() or (0, 0)
            letters: int = connection.execute(dead).scalar_one()
        return SinkState(
            lease.position,
            sent,
            retried,
            letters,
            lease.holder,
            lease.until,
            lease.paused,
            None if lease.problem is None else lease.problem.cause,
        )

    def _count(self, connection: Connection, sent: int = 0, retried: int = 0) -> None:
        table = self._sink
        more = {"sent": table.c.sent + sent, "retried": table.c.retried + retried}
        if connection.execute(update(table).where(self._own).values(**more)).rowcount == 0:
            row = {"name": self._name, "resend_to": 0, "sent": sent, "retried": retried}
            connection.execute(insert(table), row)

    def _bury(self, connection: Connection, letter: DeadLetter) -> None:
        """Add a dead letter, in place of one that a rewind has brought again."""
        one = self._letter.c.position == letter.position
        connection.execute(delete(self._letter).where(self._letters, one))
        row = {"sink": self._name, "position": letter.position, "at": to_microseconds(letter.at)}
        row |= {
            "resend": int(letter.resend),
            "reason": self._written(letter.position, letter.reason),
        }
        connection.execute(insert(self._letter), row)

    def _written(self, position: int, reason: str) -> bytes:
        return self._lease.written(Problem(position, reason))


def sink_names(connection: Connection, schema: Schema) -> list[str]:
    """Return the names of all sinks that were ever worked on, sorted."""
    name = schema.projection.c.name
    found = connection.execute(select(name).where(name.startswith(PREFIX, autoescape=True)))
    return sorted(each.removeprefix(PREFIX) for each in found.scalars())
