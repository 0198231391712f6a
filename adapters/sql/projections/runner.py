"""Projections of a host's own: the ledger, page by page, into tables of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from logging import Logger
from threading import Event
from typing import Protocol

from eventsourcing.persistence import Tracking
from sqlalchemy import Connection, func, insert, select

from addressee.application import Recorded
from addressee.application.default_clock_and_ids import utc_now
from addressee.domain import Conflict, StoreError, StoreUnavailable, values

from ..checkpoints.checkpoint_lease import (
    DAY,
    MOST_EVENTS,
    SECONDS,
    Lease,
    Problem,
    ProjectionStatus,
)
from ..store.store import SqlStore

PAGE = 5_000
POLL = 0.1
LONGEST_PAUSE = 5.0


class Projection(Protocol):
    """Turn events into rows.

    Attributes:
        name: of its checkpoint; under another name it begins with the first event.
    """

    name: str

    def process_batch(
        self, connection: Connection, page: Sequence[Recorded], tracking: Tracking
    ) -> None:
        """Write what the next events mean.

        Each event takes effect once: the transaction also holds the position, and if it fails the
        same events come again, in other pages perhaps.

        Args:
            connection: with a transaction in the store's database, which the runner commits.
            page: the events, in ledger order.
            tracking: the projection's name, and the position of the last of them.
        """
        ...


class ProjectionRunner:
    """Keeps one projection up to date. Any number of runners may race: one of them works.

    Args:
        store: whose ledger is read, and whose database is written to.
        projection: what to run.
        page: most events within one transaction.
        poll: seconds between looks at the ledger while there is nothing to do.
        lease: seconds after which another runner takes over from one that says nothing.
        set_aside: note an event that the projection can't take, and go on without it; by default
            the projection stops there.
        clock: gives the time, aware of its zone.
        logger: gets failures, never an event's data.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, most with a default
        self,
        store: SqlStore,
        projection: Projection,
        *,
        page: int = PAGE,
        poll: float = POLL,
        lease: float = SECONDS,
        set_aside: bool = False,
        clock: Callable[[], datetime] = utc_now,
        logger: Logger | None = None,
    ) -> None:
        self._store = store
        self._database = store.database
        self._schema = store.parts.prepared.schema
        self._projection = projection
        self._page = values.whole("page", page, 1, MOST_EVENTS)
        self._poll = values.number("poll", poll, 0, DAY)
        self._passes = set_aside
        self._suspect = 0
        self._logger = logger or logging.getLogger("addressee")
        self._lease = Lease(
            store.database,
            self._schema,
            projection.name,
            seconds=lease,
            clock=clock,
            sealing=store.parts.sealing,
        )
        self._awake = Event()

    def run(self, stop: Event) -> None:
        """Work until ``stop`` is set; waits out a store that does not answer, and other runners.

        Set `stop`, then call `wake`, to end at once. The lease is given back at the end.
        """
        pause = self._poll
        while not stop.is_set():
            try:
                worked = self.step()
                pause = self._poll
            except Conflict:
                worked = 0  # another runner has taken over
            except StoreError as error:
                self._logger.warning("projection %s waits: %s", self._projection.name, error)
                worked, pause = 0, min(pause * 2, LONGEST_PAUSE)
            if not worked:
                self._awake.wait(pause)
                self._awake.clear()
        self._lease.release()

    def wake(self, *_: object) -> None:
        """Look at the ledger now; a handler for `Personalization.subscribe`."""
        self._awake.set()

    def catch_up(self) -> int:
        """Work until the ledger's end, as far as it is this runner's turn.

        Returns:
            How many events it took.

        Raises:
            Conflict: another runner has taken over.
            StoreError: the store did not do its work.
        """
        taken = 0
        while worked := self.step():
            taken += worked
        return taken

    def step(self) -> int:
        """Take one page.

        Returns:
            How many events it had; 0 also where another runner is at work, where it is paused, and
            where it has stopped at an event.

        Raises:
            Conflict: another runner has taken over.
            StoreError: the store did not do its work.
        """
        position = self._lease.take()
        if position is None:
            return 0
        size = self._page if position >= self._suspect else 1
        try:
            page = self._read(position, size)
            if page:
                self._take(position, page)
        except (Conflict, StoreUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 # whatever a host's projection raises
            if size == 1:
                return self._pass_or_stop(position, error)
            # One by one, to find which it is.
            self._suspect = position + size
            return self.step()
        return len(page)

    def status(self) -> ProjectionStatus | None:
        """Return the projection's status; None if it has never run."""
        return self._lease.status()

    def pause(self) -> None:
        """Have no runner work on it until `resume`, also those of other processes."""
        self._lease.pause()

    def resume(self) -> None:
        """Let it go on where it was paused, or where an event has stopped it."""
        self._lease.resume()

    def restart(self, clear: Callable[[Connection], None]) -> None:
        """Begin again with the first event.

        Args:
            clear: empties what the projection has written, in the same transaction.
        """
        with self._database.writing() as connection:
            clear(connection)
            self._lease.restart(connection)

    def set_aside(self) -> list[Problem]:
        """Return the events that were passed over."""
        table = self._schema.set_aside
        own = select(table).where(table.c.projection == self._projection.name)
        with self._database.reading() as connection:
            rows = connection.execute(own.order_by(table.c.position)).all()
        return [self._lease.problem(row.position, bytes(row.problem)) for row in rows]

    def _read(self, position: int, limit: int) -> Sequence[Recorded]:
        settled = self._store.settled()
        with self._store.reading() as reader:
            return reader.events(position, limit, settled)

    def _take(self, before: int, page: Sequence[Recorded]) -> None:
        after = page[-1].position
        with self._database.writing() as connection:
            self._lease.advance(connection, before, after)
            tracking = Tracking(self._projection.name, after)
            self._projection.process_batch(connection, page, tracking)

    def _pass_or_stop(self, before: int, error: Exception) -> int:
        """Stop at the event after a position, or set it aside; return how many were taken."""
        event, table = self._schema.event, self._schema.set_aside
        following = select(func.min(event.c.position)).where(event.c.position > before)
        with self._database.writing() as connection:
            at: int = connection.execute(following).scalar_one()
            problem = Problem(at, f"{type(error).__name__}: {error}")
            if self._passes:
                self._lease.advance(connection, before, at)
                row = {"projection": self._projection.name, "position": at}
                connection.execute(insert(table), row | {"problem": self._lease.written(problem)})
            else:
                self._lease.fail(connection, problem)
        kind = type(error).__name__  # what it says may be about a person
        self._logger.error("projection %s: %s at %d", self._projection.name, kind, at)
        return int(self._passes)
