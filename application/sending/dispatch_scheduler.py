"""Sends every dispatch that is running or whose time has come, each in its turn."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event

from addressee.domain import AddresseeError, Conflict, StoreError, StoreUnavailable, UnknownDispatch

from ..ports.delivery.dispatches import DispatchView
from ..ports.delivery.work_queue import Ticket, WorkQueue
from .batch_sender import Worker
from .run import Run
from .transactions import known, ready

LOOK = timedelta(seconds=1)
"""Between two looks for dispatches that are running, or may have been paused."""
IDLE = 0.1
"""Seconds to wait where no dispatch wants to go on."""
AT_ONCE = 32
"""Most dispatches that one dispatcher has under way; the oldest go first."""
REST = timedelta(seconds=5)
"""For how long at most a dispatch that waits is left alone; it may have been cancelled."""


@dataclass(slots=True)
class Turn:
    """A dispatch that is under way, and when it wants to go on."""

    run: Run
    due: datetime


class Dispatcher:
    """Sends a batch of each running dispatch in turn, so that none waits for another to end.

    Any number of dispatchers, in any processes, may share the work. A dispatch whose audience can't
    be queried any more is paused, and its problem is the error's code.

    Args:
        worker: sends.
        logger: receives the codes of errors.
        ended: called with the id of each dispatch that nothing is left of.
    """

    def __init__(
        self, worker: Worker, logger: logging.Logger, ended: Callable[[str], object]
    ) -> None:
        self._worker = worker
        self._logger = logger
        self._ended = ended
        self._turns: dict[str, Turn] = {}
        self._resting: dict[str, datetime] = {}
        """Dispatches that wait, for an answer or a retry, and until when: they take no turn."""

    def run(self, stop: Event) -> None:
        """Send until ``stop`` is set; the outcomes of the last batches are recorded then."""
        look_at = self._worker.clock()
        try:
            while not stop.is_set():
                now = self._worker.clock()
                if now >= look_at:
                    self._look(now)
                    look_at = now + LOOK
                self._send(stop, now)
        finally:
            for name in [*self._turns]:
                self._guarded(name, self._drop)

    def _look(self, now: datetime) -> None:
        """Begin with dispatches that are running or due, and not under way here.

        So it does with those that have rested, which may have been cancelled meanwhile: what is
        left of them is settled.
        """
        worker = self._worker
        most = AT_ONCE + len(self._resting)
        try:
            names = worker.transactions.read(
                lambda view: ready(view, worker.applications, most, now)
            )
        except AddresseeError as error:
            self._logger.warning("dispatches can't be read: %s", error.code)
            return
        for name in dict.fromkeys([*names, *self._resting]):
            taken = name in self._turns or self._resting.get(name, now) > now
            if not taken and len(self._turns) < AT_ONCE:
                self._resting.pop(name, None)
                self._guarded(name, lambda name: self._begin(name, now))

    def _send(self, stop: Event, now: datetime) -> None:
        """Send a batch of each dispatch that is due, or wait a moment."""
        due = [name for name, turn in self._turns.items() if turn.due <= now]
        for name in due:
            if not stop.is_set():
                self._guarded(name, self._step)
        if not due:
            stop.wait(IDLE)

    def _begin(self, name: str, now: datetime) -> None:
        self._turns[name] = Turn(Run(self._worker, name), now)

    def _step(self, name: str) -> None:
        turn = self._turns[name]
        wait = turn.run.step(lambda _: None)
        if len(self._turns) > 1:
            turn.run.note()  # others send before its next batch does
        if wait is None:
            self._drop(name)
            self._ended(name)
            return
        now, waits = self._worker.clock(), timedelta(seconds=wait)
        if waits <= LOOK:
            turn.due = now + waits
        else:  # others have its turn meanwhile
            self._drop(name)
            self._resting[name] = now + min(waits, REST)

    def _drop(self, name: str) -> None:
        self._turns.pop(name).run.close()

    def _guarded(self, name: str, work: Callable[[str], object]) -> None:
        """Do something with a dispatch; what it raises ends its turns here, and no other's."""
        try:
            work(name)
        except AddresseeError as error:
            problem = error.code
            self._logger.warning("dispatch %s: %s", name, problem)
            if name in self._turns:
                self._guarded(name, self._drop)
            if not isinstance(error, StoreError | Conflict | UnknownDispatch):  # it was forgotten
                self._guarded(name, lambda name: self._pause(name, problem))

    def _pause(self, name: str, problem: str) -> None:
        def pause(view: DispatchView) -> None:
            found = known(view, name)
            if found.state in {"running", "scheduled"}:
                view.put_dispatch(replace(found, state="paused", problem=problem))

        self._worker.transactions.within(pause)


class QueuedDispatcher(Dispatcher):
    """Sends a batch for each ticket of a work queue, so that any number of workers share the work.

    Everything else is as without one: the store decides who is sent to, and when a worker is gone.
    So while the queue can't be reached, batches are sent without tickets.

    Args:
        worker, logger, ended: as for `Dispatcher`.
        queue: gives tickets.
    """

    def __init__(
        self,
        worker: Worker,
        logger: logging.Logger,
        ended: Callable[[str], object],
        queue: WorkQueue,
    ) -> None:
        super().__init__(worker, logger, self._end)
        self._queue = queue
        self._tell = ended
        self._store = ""
        """The store's name; empty until there was something to offer."""
        self._over: set[str] = set()
        """Dispatches that nothing was left of, of which tickets may still come."""
        self._away = False
        """Whether the queue could not be reached when it was asked last."""
        self._refused = False
        """Whether it took no ticket when one was offered last, as where it is full."""

    def _send(self, stop: Event, now: datetime) -> None:
        """Send a batch under the next ticket, if one comes."""
        try:
            ticket = self._queue.take(self._store, IDLE)
        except StoreUnavailable as error:
            self._warn(error)
            self._away = True
            super()._send(stop, now)
            return
        if self._away:
            self._away = self._refused = False
        if ticket is None and self._refused:
            super()._send(stop, now)
            return
        for name in [*self._turns]:  # others wait for what is not noted
            if ticket is None or name != ticket.dispatch:
                self._guarded(name, self._drop)
        if ticket is not None:
            self._guarded(ticket.dispatch, partial(self._serve, ticket))

    def _warn(self, error: StoreUnavailable) -> None:
        """Tell once that batches are sent without tickets, until the queue is of use again."""
        if not (self._away or self._refused):
            self._logger.warning("batches are sent without tickets: %s", error)

    def _begin(self, name: str, now: datetime) -> None:
        """Offer a ticket of a dispatch that runs, in place of beginning with it."""
        worker = self._worker
        dispatch = worker.transactions.read(lambda view: known(view, name))
        self._over.discard(name)
        if not self._store:
            self._store = worker.transactions.within(lambda view: view.store_name())
        if not self._away:
            try:
                self._queue.offer(self._store, dispatch.application, name)
                self._refused = False
            except StoreUnavailable as error:
                self._warn(error)
                self._refused = True
        if self._away or self._refused:
            super()._begin(name, now)

    def _end(self, name: str) -> None:
        """Tell once that nothing is left of a dispatch."""
        if name not in self._over:
            self._over.add(name)
            self._tell(name)

    def _serve(self, ticket: Ticket, name: str) -> None:
        """Send a batch under a ticket of a dispatch."""
        if name in self._over:
            ticket.done()
            return
        if name not in self._turns:
            try:
                super()._begin(name, self._worker.clock())
            except UnknownDispatch:
                ticket.done()  # it was forgotten
                return
        if self._turns[name].run.step(lambda _: None, ticket) is None:
            self._drop(name)
            self._end(name)
