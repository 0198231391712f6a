"""Pushes to an audience: dispatches that are made, run, watched, paused and resumed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from threading import Event
from typing import cast

from addressee.domain import Expression, values

from ..default_clock_and_ids import random_id, utc_now
from ..personalization import Personalization
from ..ports.delivery.dispatches import SendingStore
from ..ports.delivery.push import Key, Message, PushTransport
from ..ports.delivery.work_queue import WorkQueue
from ..unit_of_work.command_context import checked_actor
from .batch_sender import Observe, Worker, unobserved
from .claim import Claimant
from .dispatch_commands import Change, ChangedState, Order, Orders, forget_some
from .dispatch_scheduler import Dispatcher, QueuedDispatcher
from .pace import Pace
from .run import Run
from .status import LISTED, DispatchQueries, DispatchStatus
from .transactions import Transactions, ready

BATCH = 500
"""Most installations of a batch."""
LONGEST_LEASE = 86_400  # a day, in seconds
ALL = 1 << 31
"""A limit above any number of dispatches."""
LOOK = 1.0
"""For how many seconds at most a run that waits does not look whether it was paused."""
Transports = (
    Mapping[Key, PushTransport]
    | Mapping[str, PushTransport]
    | Mapping[tuple[str, str], PushTransport]
)
PushRates = Mapping[Key, float] | Mapping[str, float] | Mapping[tuple[str, str], float]


class Notifier(DispatchQueries):
    """Sends messages to audiences: nobody who was logged out before, nobody twice (R39, R40).

    A dispatch is an audience, a message and what became of each installation. It is sent by `run`,
    in batches; any number of workers may run the same dispatch, in any processes. One that dies
    leaves a batch of unknown outcome: nobody gets it twice unless ``resend_unknown`` says so.

    Args:
        store: where the ledger and the dispatches are.
        transports: what sends to a service, such as ``fcm``; or to a service for one application,
            ``("shop", "fcm")``, which goes before.
        people: expires installations whose address is dead, so that its subscribers hear of it; by
            default one of the notifier's own.
        rates: service, or application and service → most messages a second of an application, for
            all threads that share this notifier.
        batch: most installations of a batch, up to 500.
        lease: after how many seconds without a sign of life a worker counts as gone.
        clock: gives the time, aware of its zone.
        sleep: waits for so many seconds.
        logger: receives what transports raise.
        observe: called after each batch, once a service, with the application, the service, and how
            many messages had which outcome; a retry is counted at each attempt.

    Raises:
        InvalidValue: ``batch`` is not 1 to 500, ``lease`` is no number from 0 to a day, or a rate
            is not above 0.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, every part with a default
        self,
        store: SendingStore,
        transports: Transports,
        *,
        people: Personalization | None = None,
        rates: PushRates | None = None,
        batch: int = BATCH,
        lease: float = 15.0,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        logger: logging.Logger | None = None,
        observe: Observe | None = None,
    ) -> None:
        values.whole("batch", batch, 1, BATCH)
        length = timedelta(seconds=values.number("lease", lease, 0, LONGEST_LEASE))
        self._transactions = Transactions(store, sleep)
        self._sleep = sleep
        self._logger = logger or logging.getLogger("addressee")
        self._clock = clock
        self._orders = Orders(store, self._transactions, clock)
        self._worker = Worker(
            self._transactions,
            Claimant(store, random_id(), batch, length),
            cast("Mapping[Key, PushTransport]", transports),
            people or Personalization(store, clock=clock),
            Pace(cast("Mapping[Key, float]", rates or {})),
            clock,
            self._logger,
            observe or unobserved,
        )

    def dispatch(  # noqa: PLR0913 # the signature is the product's contract
        self,
        application: str,
        expression: str | Expression,
        message: Message,
        *,
        include_disabled: bool = False,
        resend_unknown: bool = False,
        dry_run: bool = False,
        idempotency_key: str | None = None,
        starts_at: datetime | str | None = None,
        actor: str = "backend",
    ) -> DispatchStatus:
        """Make a dispatch, which `run` then sends.

        Args:
            application: its application code.
            expression: the audience, asked anew for each batch.
            message: what to send.
            include_disabled: also to installations with a push flag off.
            resend_unknown: send a batch of unknown outcome again; somebody may get it twice (R40).
            dry_run: make nothing, and tell how many it would be sent to now, and the first ten.
            idempotency_key: the same key again, within the application, makes nothing and returns
                the first dispatch as it is now (R31).
            starts_at: before when it does not start, at most 366 days ahead; a time with its zone,
                as text in ISO 8601. A time that has passed, and None, is now.
            actor: the caller, as commands have it; the ledger says who ordered the push (R60).

        Raises:
            ExpressionInvalid, UnknownSegment, InvalidValue: the audience can't be asked.
            InvalidValue: ``starts_at`` is no time, or has no zone.
            LimitExceeded: ``starts_at`` is further ahead.
            IdempotencyKeyReused: the key was used for another audience, message or choice.
        """
        order = Order(
            application,
            expression,
            message,
            include_disabled=include_disabled,
            resend_unknown=resend_unknown,
            idempotency_key=idempotency_key,
            starts_at=starts_at,
            actor=actor,
        )
        return self._orders.dry_run(order) if dry_run else self._orders.make([order])[0]

    def dispatch_all(
        self,
        application: str,
        orders: Sequence[
            tuple[str | Expression, Message] | tuple[str | Expression, Message, datetime | None]
        ],
        *,
        actor: str = "backend",
    ) -> list[DispatchStatus]:
        """Make several dispatches, or none if one can't be made.

        Args:
            application: its application code.
            orders: the audience and the message of each, and its start, if it has one; arguments
                and errors as for `dispatch`.
            actor: the caller.
        """
        return self._orders.make(
            [
                Order(application, who, what, starts_at=at[0] if at else None, actor=actor)
                for who, what, *at in orders
            ]
        )

    def run(
        self, dispatch: str, progress: Callable[[int], object] = lambda _: None
    ) -> DispatchStatus:
        """Send batches until none is left, or the dispatch is paused or cancelled.

        It waits for retries, and for batches of other workers, so that one that is done has no
        outcome open. One that was run before goes on where it was; a scheduled one stays so.

        Args:
            dispatch: its id.
            progress: told after each batch how many installations it had.

        Raises:
            UnknownDispatch: there is none of that id.
            InvalidValue: no transport is for its application.
            StoreUnavailable: the store does not answer; the dispatch can be run again.
        """
        with closing(Run(self._worker, dispatch)) as run:
            while (wait := run.step(progress)) is not None:
                if wait > 0:
                    self._sleep(min(wait, LOOK))
        return self.status(dispatch)

    def serve(
        self,
        stop: Event,
        ended: Callable[[DispatchStatus], object] = lambda _: None,
        *,
        queue: WorkQueue | None = None,
    ) -> None:
        """Send every dispatch that runs or is due, also those to come, until ``stop`` is set.

        Each sends a batch in its turn, so none waits for another. One whose audience can't be
        queried any more is paused; a store that does not answer is tried again.

        Args:
            stop: ends it, after the batch that is on its way.
            ended: called with each dispatch that nothing is left of.
            queue: has workers, in any processes and on any machines, take batches as they come.
        """

        def told(name: str) -> None:
            status = self.status(name)
            if status.state != "scheduled":  # a worker whose clock is ahead has offered its ticket
                ended(status)

        if queue is None:
            Dispatcher(self._worker, self._logger, told).run(stop)
        else:
            QueuedDispatcher(self._worker, self._logger, told, queue).run(stop)

    def running(self) -> Sequence[str]:
        """Return the ids of up to 10,000 dispatches to run: those that are due, and the oldest.

        They are those of the applications that there are transports for.
        """
        applications, now = self._worker.applications, self._worker.clock()
        return self._transactions.read(lambda view: ready(view, applications, LISTED, now))

    def pause(
        self, dispatch: str, *, within: str | None = None, actor: str = "backend"
    ) -> DispatchStatus:
        """Have no further batch leave, until it is resumed; a scheduled one is for `cancel`."""
        return self._changed(dispatch, "paused", within, actor)

    def resume(
        self, dispatch: str, *, within: str | None = None, actor: str = "backend"
    ) -> DispatchStatus:
        """Let a paused dispatch be run again; arguments as for `cancel`."""
        return self._changed(dispatch, "running", within, actor)

    def cancel(
        self, dispatch: str, *, within: str | None = None, actor: str = "backend"
    ) -> DispatchStatus:
        """Have no further batch leave, ever.

        Args:
            dispatch: its id.
            within: the application it has to be of, if any.
            actor: the caller, as commands have it; the ledger says who changed the dispatch (R60).

        Raises:
            UnknownDispatch: there is none of that id, or it is another application's.
        """
        return self._changed(dispatch, "cancelled", within, actor)

    def forget(
        self,
        before: datetime,
        *,
        application: str | None = None,
        dry_run: bool = False,
        actor: str = "backend",
    ) -> int:
        """Delete dispatches that have ended, with texts, audiences and outcomes, for good.

        A scheduler calls it, as often as texts are to be kept for a limited time. Who was sent to
        is not known afterwards, and an idempotency key of theirs makes a new dispatch.

        Args:
            before: before when, aware of its zone, they were made, or started if that was later.
            application: only those of this one.
            dry_run: only count them.
            actor: the caller; the ledger says who deleted how many.

        Returns:
            How many there were.
        """
        moment, by = values.moment("before", before), checked_actor(actor)
        code = None if application is None else values.identifier("application", application)
        if values.flag("dry_run", dry_run):
            now = self._clock()
            return len(self._transactions.read(lambda view: view.ended(code, moment, now, ALL)))
        done = 0
        while count := self._transactions.within(
            lambda view: forget_some(view, code, moment, self._clock(), by), recording=True
        ):
            done += count
        return done

    def _changed(
        self, dispatch: str, state: ChangedState, within: str | None, actor: str
    ) -> DispatchStatus:
        change = Change(dispatch, state, within, checked_actor(actor))
        made = self._transactions.within
        return made(lambda view: change.made(view, self._clock()), recording=True)
