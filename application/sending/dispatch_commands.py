"""What callers order: dispatches that are made once, tried without sending, or changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from addressee.domain import (
    Expression,
    IdempotencyKeyReused,
    InvalidValue,
    LimitExceeded,
    as_expression,
    keyed_hash,
    limits,
    values,
)
from addressee.domain.events import PushChanged, PushesForgotten, PushOrdered

from ..default_clock_and_ids import random_id
from ..ports.delivery.dispatches import Dispatch, DispatchView, SendingStore, State
from ..ports.delivery.push import Message
from ..read_models.claim_names import check_key
from ..targeting import Targeting
from ..unit_of_work.command_context import checked_actor
from .status import DispatchStatus, status_of
from .transactions import Transactions, known, without_retries

SAMPLE = 10
"""How many installations a dry run names."""
FORGOTTEN = 100
"""How many dispatches one transaction deletes."""
ChangedState = Literal["running", "paused", "cancelled"]
FROM: Mapping[ChangedState, AbstractSet[State]] = {
    "running": {"paused"},
    "paused": {"running"},
    "cancelled": {"scheduled", "running", "paused"},
}
"""State → those that a dispatch has before; of any other one it stays as it is."""


@dataclass(frozen=True, slots=True)
class Order:
    """A dispatch that is wanted; the arguments are those of `Notifier.dispatch`."""

    application: str
    expression: str | Expression
    message: Message
    include_disabled: bool = False
    resend_unknown: bool = False
    idempotency_key: str | None = None
    starts_at: datetime | str | None = None
    actor: str = "backend"


class Orders:
    """Makes dispatches.

    Args:
        store: whose index is asked.
        transactions: of the same store.
        clock: gives the time.
    """

    def __init__(
        self, store: SendingStore, transactions: Transactions, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._reach = Targeting(store)
        self._transactions = transactions
        self._clock = clock

    def make(self, orders: Sequence[Order]) -> list[DispatchStatus]:
        """Make all of the dispatches, or none; errors as for `Notifier.dispatch`."""
        wanted = [self._checked(each) for each in orders]
        for each in wanted:
            # It is queried batch by batch; whether it can be is known here.
            self._reach.preview(
                each.application, each.audience, 0, include_disabled=each.include_disabled
            )

        def make(view: DispatchView) -> list[DispatchStatus]:
            made = [
                self._made(view, each, again=order.idempotency_key is not None)
                for each, order in zip(wanted, orders, strict=True)
            ]
            if ordered := [
                order_recorded(dispatch, order.actor)
                for (dispatch, _), order in zip(made, orders, strict=True)
                if dispatch is not None
            ]:
                view.record(*ordered)
            return [status for _, status in made]

        return self._transactions.within(make, recording=True)

    def dry_run(self, order: Order) -> DispatchStatus:
        """Return how many installations a dispatch would be sent to now, and the first ten."""
        wanted = self._checked(order)
        if wanted.state == "scheduled":
            return self._foreseen(wanted)
        found = self._reach.recipients(
            wanted.application, wanted.audience, include_disabled=wanted.include_disabled
        )
        sample: list[str] = []
        count = 0
        for count, recipient in enumerate(found, 1):  # noqa: B007 # what is counted
            if len(sample) < SAMPLE:
                sample.append(recipient.installation)
        return self._tried(wanted, count, sample, found.without_address)

    def _foreseen(self, wanted: Dispatch) -> DispatchStatus:
        """Return how many installations the audience of a scheduled dispatch has now.

        They are counted and not listed: addresses are looked at when it leaves.
        """
        audience = wanted.application, wanted.audience
        count = self._reach.count(*audience, include_disabled=wanted.include_disabled)
        sample = self._reach.preview(*audience, SAMPLE, include_disabled=wanted.include_disabled)
        return self._tried(wanted, count, sample)

    def _tried(
        self, wanted: Dispatch, count: int, sample: Sequence[str], without_address: int = 0
    ) -> DispatchStatus:
        return DispatchStatus(
            "",
            wanted.application,
            wanted.audience,
            "dry_run",
            None,
            wanted.created_at,
            self._transactions.within(lambda view: view.last()),
            count,
            without_address=without_address,
            sample=tuple(sample),
            starts_at=wanted.starts_at,
            include_disabled=wanted.include_disabled,
        )

    def _checked(self, order: Order) -> Dispatch:
        """Return a dispatch as it would be made; raises InvalidValue."""
        code = values.identifier("application", order.application)
        checked_actor(order.actor)
        if not isinstance(order.message, Message):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidValue("message", "should be a Message")
        name = random_id()
        if order.idempotency_key is not None:
            key = values.text("idempotency_key", order.idempotency_key, limits.NAME, least=1)
            # Two that race collide on it, and it tells nobody the key.
            with self._store.reading() as view:
                check_key(view, self._store.identifier_key)
            name = keyed_hash(self._store.identifier_key, "dispatch", code, key)
        now = self._clock()
        starts_at = None if order.starts_at is None else start_of(order.starts_at, now)
        return Dispatch(
            name,
            code,
            str(as_expression(order.expression)),
            order.message,
            include_disabled=order.include_disabled,
            resend_unknown=order.resend_unknown,
            created_at=now,
            position=0,
            state="scheduled" if starts_at is not None and starts_at > now else "running",
            starts_at=starts_at,
        )

    @staticmethod
    def _made(
        view: DispatchView, wanted: Dispatch, *, again: bool
    ) -> tuple[Dispatch | None, DispatchStatus]:
        """Add a dispatch, or return None with the status of the one that the same key has made."""
        if again and (first := view.dispatch(wanted.id)) is not None:
            if asked(first) != asked(wanted):
                raise IdempotencyKeyReused
            return None, status_of(view, wanted.id)
        made = replace(wanted, position=view.last())
        view.new_dispatch(made)
        return made, DispatchStatus.of(made, {})


def asked(dispatch: Dispatch) -> tuple[object, ...]:
    """Return what a caller asked for."""
    flags = dispatch.include_disabled, dispatch.resend_unknown
    return dispatch.application, dispatch.audience, dispatch.message, flags, dispatch.starts_at


def start_of(given: datetime | str, now: datetime, field: str = "starts_at") -> datetime:
    """Return when a dispatch is to start, in UTC.

    Raises:
        InvalidValue: it is no time, or has no zone: it may be meant as local time.
        LimitExceeded: it is too far ahead.
    """
    text = given.isoformat() if isinstance(given, datetime) else given
    moment = values.moment(field, text)
    if datetime.fromisoformat(text.upper()).tzinfo is None:
        raise InvalidValue(field, f"has no time zone: {text}")
    ahead = -(now - moment).days  # a day that has begun counts
    if ahead > limits.DAYS_AHEAD:
        raise LimitExceeded(field, limits.DAYS_AHEAD, ahead, "days ahead")
    return moment


@dataclass(frozen=True, slots=True)
class Change:
    """A dispatch that is to be paused, resumed or cancelled.

    Args:
        dispatch: its id.
        state: the one that it is to have.
        within: the application it has to be of, if any.
        actor: the caller.
    """

    dispatch: str
    state: ChangedState
    within: str | None
    actor: str

    def made(self, view: DispatchView, at: datetime) -> DispatchStatus:
        """Make the change, and record it; raises UnknownDispatch."""
        found = known(view, self.dispatch, self.within)
        if found.state in FROM[self.state]:
            problem = found.problem if self.state == "cancelled" else None
            view.put_dispatch(replace(found, state=self.state, problem=problem))
            for batch in view.open_batches(self.dispatch, found.batches) if self._ends else ():
                if not batch.leaving:
                    view.put_batch(without_retries(batch), found.application)
            changed = PushChanged(
                application=found.application,
                timestamp=at,
                actor=self.actor,
                dispatch=self.dispatch,
                state=self.state,
            )
            view.record(changed)
        return status_of(view, self.dispatch)

    @property
    def _ends(self) -> bool:
        return self.state == "cancelled"


def order_recorded(dispatch: Dispatch, actor: str) -> PushOrdered:
    """Return the event that tells who ordered a dispatch; it has neither text nor audience."""
    return PushOrdered(
        application=dispatch.application,
        timestamp=dispatch.created_at,
        actor=actor,
        dispatch=dispatch.id,
        include_disabled=dispatch.include_disabled,
        resend_unknown=dispatch.resend_unknown,
        starts_at=dispatch.starts_at,
    )


def forget_some(
    view: DispatchView, application: str | None, before: datetime, at: datetime, actor: str
) -> int:
    """Delete some dispatches that have ended, record who did so, and return how many.

    Args:
        view: where they are.
        application: only those of this one.
        before: before when they were made, or started if that was later.
        at: the time.
        actor: the caller.
    """
    names = view.ended(application, before, at, FORGOTTEN)
    view.forget(names)
    if names:
        view.record(
            PushesForgotten(
                application=application,
                timestamp=at,
                actor=actor,
                before=before,
                dispatches=len(names),
            )
        )
    return len(names)
