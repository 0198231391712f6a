"""Pushes to an audience: dispatches that are made, run, watched, paused and resumed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from typing import cast

from addressee.domain import (
    Expression,
    IdempotencyKeyReused,
    InvalidValue,
    as_expression,
    keyed_hash,
    limits,
    values,
)

from ..defaults import random_id, utc_now
from ..personalization import Personalization
from ..ports.dispatches import Dispatch, DispatchView, SendingStore, State
from ..ports.push import Message, PushTransport
from ..targeting import Targeting
from .claim import Claimant
from .dispatcher import Dispatcher
from .pace import Pace
from .run import Run
from .status import DispatchStatus
from .transactions import Transactions, known, without_retries
from .worker import Key, Observe, Worker

BATCH = 500
"""Most installations of a batch."""
SAMPLE = 10
LISTED = 10_000
"""Most dispatches of one list."""
LOOK = 1.0
"""For how many seconds at most a run that waits does not look whether it was paused."""
Transports = (
    Mapping[Key, PushTransport]
    | Mapping[str, PushTransport]
    | Mapping[tuple[str, str], PushTransport]
)


class Notifier:
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
        rates: service → most messages a second of an application, for this notifier.
        batch: most installations of a batch, up to 500.
        lease: after how many seconds without a sign of life a worker counts as gone.
        clock: gives the time, aware of its zone.
        sleep: waits for so many seconds.
        logger: receives what transports raise.
        observe: called after each batch, once a service, with the application, the service, and how
            many messages had which outcome; a retry is counted at each attempt.

    Raises:
        InvalidValue: ``batch`` is not 1 to 500, or a rate is not above 0.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, every part with a default
        self,
        store: SendingStore,
        transports: Transports,
        *,
        people: Personalization | None = None,
        rates: Mapping[str, float] | None = None,
        batch: int = BATCH,
        lease: float = 15.0,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        logger: logging.Logger | None = None,
        observe: Observe = lambda application, service, tally: None,  # noqa: ARG005 # nobody listens
    ) -> None:
        if not 1 <= batch <= BATCH:
            raise InvalidValue("batch", f"should be 1 to {BATCH}")
        self._transactions = Transactions(store, sleep)
        self._reach = Targeting(store)
        self._clock = clock
        self._sleep = sleep
        self._logger = logger or logging.getLogger("addressee")
        self._key = store.identifier_key
        self._worker = Worker(
            self._transactions,
            Claimant(store, random_id(), batch, timedelta(seconds=lease)),
            cast("Mapping[Key, PushTransport]", transports),
            people or Personalization(store, clock=clock),
            Pace(rates or {}),
            clock,
            self._logger,
            observe,
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

        Raises:
            ExpressionInvalid, UnknownSegment, InvalidValue: the audience can't be asked.
            IdempotencyKeyReused: the key was used for another audience, message or choice.
        """
        code = values.identifier("application", application)
        if not isinstance(message, Message):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidValue("message", "should be a Message")
        audience = as_expression(expression)
        if dry_run:
            return self._dry_run(code, audience, include_disabled=include_disabled)
        self._reach.preview(code, audience, 0, include_disabled=include_disabled)  # can it be asked

        # The key's own id makes two that race collide, and tells nobody the key.
        name = random_id() if idempotency_key is None else self._id_of(code, idempotency_key)

        def make(view: DispatchView) -> DispatchStatus:
            made = Dispatch(
                name,
                code,
                str(audience),
                message,
                include_disabled=include_disabled,
                resend_unknown=resend_unknown,
                created_at=self._clock(),
                position=view.last(),
            )
            if idempotency_key is not None and (first := view.dispatch(name)) is not None:
                if order_of(first) != order_of(made):
                    raise IdempotencyKeyReused
                return status_of(view, name)
            view.new_dispatch(made)
            return DispatchStatus.of(made, {})

        return self._transactions.within(make)

    def _id_of(self, application: str, key: str) -> str:
        given = values.text("idempotency_key", key, limits.NAME, least=1)
        return keyed_hash(self._key, "dispatch", application, given)

    def run(
        self, dispatch: str, progress: Callable[[int], object] = lambda _: None
    ) -> DispatchStatus:
        """Send batches until none is left, or the dispatch is paused or cancelled.

        It waits for retries, and for batches of other workers, so that a dispatch that is done has
        no outcome open. A dispatch that was run before goes on where it was.

        Args:
            dispatch: its id.
            progress: told after each batch how many installations it had.

        Raises:
            UnknownDispatch: there is none of that id.
            InvalidValue: no transport is for its application.
            StoreUnavailable: the store does not answer; the dispatch can be run again.
        """
        with Run(self._worker, dispatch) as run:
            while (wait := run.step(progress)) is not None:
                if wait > 0:
                    self._sleep(min(wait, LOOK))
        return self.status(dispatch)

    def serve(
        self, stop: Event, ended: Callable[[DispatchStatus], object] = lambda _: None
    ) -> None:
        """Send every running dispatch, also those to come, until ``stop`` is set.

        Each sends a batch in its turn, so none waits for another. One whose audience can't be
        queried any more is paused; a store that does not answer is tried again.

        Args:
            stop: ends it, after the batch that is on its way.
            ended: called with each dispatch that nothing is left of.
        """
        Dispatcher(self._worker, self._logger, lambda name: ended(self.status(name))).run(stop)

    def status(self, dispatch: str, *, within: str | None = None) -> DispatchStatus:
        """Return how far a dispatch is.

        Args:
            dispatch: its id.
            within: the application it has to be of, if any.

        Raises:
            UnknownDispatch: there is none of that id, or it is another application's.
        """
        return self._transactions.within(lambda view: status_of(view, dispatch, within))

    def dispatches(self, application: str | None = None, limit: int = 100) -> list[DispatchStatus]:
        """Return the newest dispatches, at most 10,000, of one application or of all."""
        code = None if application is None else values.identifier("application", application)
        most = values.whole("limit", limit, 1, LISTED)

        def read(view: DispatchView) -> list[DispatchStatus]:
            found = view.dispatches(code, most)
            return [DispatchStatus.of(each, view.tally(each.id)) for each in found]

        return self._transactions.within(read)

    def pause(self, dispatch: str, *, within: str | None = None) -> DispatchStatus:
        """Have no further batch leave, until it is resumed; arguments as for `status`."""
        return self._change(dispatch, within, "running", "paused")

    def resume(self, dispatch: str, *, within: str | None = None) -> DispatchStatus:
        """Let a paused dispatch be run again; arguments as for `status`."""
        return self._change(dispatch, within, "paused", "running")

    def cancel(self, dispatch: str, *, within: str | None = None) -> DispatchStatus:
        """Have no further batch leave, ever; arguments as for `status`."""

        def change(view: DispatchView) -> DispatchStatus:
            found = known(view, dispatch, within)
            if found.state in {"running", "paused"}:
                view.put_dispatch(replace(found, state="cancelled"))
                for batch in view.open_batches(dispatch, found.batches):
                    if not batch.leaving:
                        view.put_batch(without_retries(batch), found.application)
            return status_of(view, dispatch)

        return self._transactions.within(change)

    def _change(
        self, dispatch: str, within: str | None, before: State, after: State
    ) -> DispatchStatus:
        def change(view: DispatchView) -> DispatchStatus:
            found = known(view, dispatch, within)
            if found.state == before:
                view.put_dispatch(replace(found, state=after, problem=None))
            return status_of(view, dispatch)

        return self._transactions.within(change)

    def _dry_run(
        self, application: str, audience: Expression, *, include_disabled: bool
    ) -> DispatchStatus:
        found = self._reach.recipients(application, audience, include_disabled=include_disabled)
        sample: list[str] = []
        count = 0
        for count, recipient in enumerate(found, 1):  # noqa: B007 # what is counted
            if len(sample) < SAMPLE:
                sample.append(recipient.installation)
        return DispatchStatus(
            "",
            application,
            str(audience),
            "dry_run",
            None,
            self._clock(),
            self._transactions.within(lambda view: view.last()),
            count,
            without_address=found.without_address,
            sample=tuple(sample),
        )


def status_of(view: DispatchView, dispatch: str, within: str | None = None) -> DispatchStatus:
    """Return how far a dispatch is; raises UnknownDispatch, also for another application's."""
    return DispatchStatus.of(known(view, dispatch, within), view.tally(dispatch))


def order_of(dispatch: Dispatch) -> tuple[object, ...]:
    """Return what a caller asked for."""
    flags = dispatch.include_disabled, dispatch.resend_unknown
    return dispatch.application, dispatch.audience, dispatch.message, flags
