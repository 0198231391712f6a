"""The sending of one dispatch by one worker, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

from addressee.domain import as_expression

from ..default_clock_and_ids import random_id
from ..ports.delivery.dispatches import Dispatch, DispatchView, PushBatch
from ..ports.delivery.work_queue import Ticket
from ..worker_heartbeat import Heartbeat
from .batch_outcomes import Settlement
from .batch_sender import Worker
from .claim import Claim
from .transactions import PAUSE, known, without_retries


class Sent(NamedTuple):
    """A batch that was sent, and what became of it, which nobody has noted yet."""

    batch: PushBatch
    settled: Settlement
    at: datetime


class Run:
    """Sends a dispatch; other runs, in any processes, may send further batches of it.

    Signs of life go out until it is closed, and what became of the last batch is noted then at the
    latest.

    Args:
        worker: sends.
        dispatch: its id.

    Raises:
        UnknownDispatch: there is none of that id.
        InvalidValue: no transport is for its application.
    """

    def __init__(self, worker: Worker, dispatch: str) -> None:
        self._worker = worker
        # A name of its own: what a run leaves behind that has failed is not kept alive by others.
        self._claimant = replace(worker.claimant, worker=random_id())
        self._dispatch = worker.transactions.within(lambda view: known(view, dispatch))
        worker.check(self._dispatch.application)
        self._audience = as_expression(self._dispatch.audience)
        self._sent: Sent | None = None
        self._ticket: Ticket | None = None
        """Of the batch that was sent and is not noted."""
        self._alive = ExitStack()
        self._alive.enter_context(Heartbeat(self._renew, self._claimant.lease.total_seconds() / 3))

    def close(self) -> None:
        """Note what became of the last batch, and stop giving signs of life."""
        with self._alive:
            self.note()

    def step(self, progress: Callable[[int], object], ticket: Ticket | None = None) -> float | None:
        """Send the next batch, if one may be sent now.

        Args:
            progress: told how many installations it had.
            ticket: of a work queue; it is given back once what became of the batch is noted.

        Returns:
            In how many seconds to call again; None if nothing is left to be sent.
        """
        worker = self._worker
        if (wait := worker.pace.wait(self._dispatch.application, worker.clock())) > 0:
            self.note()
            if ticket is not None:
                ticket.later(wait)
            return wait
        match self._turn(ticket):
            case Claim() as claim:
                if ticket is not None:
                    ticket.taken()
                settled = worker.send(self._dispatch, claim)
                self._sent = Sent(claim.batch, settled, worker.clock())
                for recipient in settled.expired:
                    worker.expire(self._dispatch, recipient)
                progress(len(claim.recipients))
                return 0.0
            case datetime() as due:
                self._noted()
                return max((due - worker.clock()).total_seconds(), PAUSE)
            case None:
                self._noted()
                return None

    def _turn(self, ticket: Ticket | None) -> Claim | datetime | None:
        """Note the last batch and take the next one: one commit a batch, which is what waits."""
        attempts = count()

        def turn(view: DispatchView) -> Claim | datetime | None:
            dispatch, now = self._note(view), self._worker.clock()
            if next(attempts):
                self._claimant.take_back(view, dispatch, now)
            return self._claimant.next(view, dispatch, self._audience, now)

        found = self._worker.transactions.within(turn, alone=True)
        self._noted()
        self._ticket = ticket
        return found

    def _noted(self) -> None:
        """Forget the last batch: what became of it is noted."""
        self._sent = None
        if self._ticket is not None:
            self._ticket.done()
            self._ticket = None

    def note(self) -> None:
        """Note what became of the last batch, if that is still to be done."""
        if self._sent is not None:
            self._worker.transactions.within(self._note)
            self._noted()

    def _note(self, view: DispatchView) -> Dispatch:
        """Note what became of the last batch, pause if that is called for; return the dispatch."""
        dispatch = known(view, self._dispatch.id)
        if self._sent is None:
            return dispatch
        batch, settled, at = self._sent
        current = view.batch(batch.dispatch, batch.number)
        if current is None:
            return dispatch
        if settled.problem and dispatch.state == "running":
            dispatch = replace(dispatch, state="paused", problem=settled.problem)
            view.put_dispatch(dispatch)
        retries = any(fate.outcome == "retry" for fate in settled.fates.values())
        due = at + timedelta(seconds=settled.retry_after) if retries else None
        noted = replace(current, fates=settled.fates, due=due)
        if not current.leaving:
            # Somebody took this run for gone; what has been sent again since stays so.
            fates = {
                ordinal: settled.fates[ordinal] if fate.outcome == "unknown" else fate
                for ordinal, fate in current.fates.items()
            }
            noted = replace(noted, fates=fates)
        if dispatch.state in {"cancelled", "done"}:  # others have ended it
            noted = without_retries(noted)
        view.put_batch(noted, dispatch.application)
        return dispatch

    def _renew(self) -> None:
        due = self._worker.clock() + self._claimant.lease
        self._worker.transactions.within(lambda view: view.renew(self._claimant.worker, due))
        if (ticket := self._ticket) is not None:
            ticket.alive()
