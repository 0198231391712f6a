"""What callers order: dispatches that are made once, or tried without sending."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from addressee.domain import (
    Expression,
    IdempotencyKeyReused,
    InvalidValue,
    as_expression,
    keyed_hash,
    limits,
    values,
)

from ..defaults import random_id
from ..ports.delivery.dispatches import Dispatch, DispatchView, SendingStore
from ..ports.delivery.push import Message
from ..read_models.claim_names import check_key
from ..targeting import Targeting
from .status import DispatchStatus, status_of
from .transactions import Transactions

SAMPLE = 10
"""How many installations a dry run names."""


@dataclass(frozen=True, slots=True)
class Order:
    """A dispatch that is wanted; the arguments are those of `Notifier.dispatch`."""

    application: str
    expression: str | Expression
    message: Message
    include_disabled: bool = False
    resend_unknown: bool = False
    idempotency_key: str | None = None


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
            return [
                self._made(view, each, again=order.idempotency_key is not None)
                for each, order in zip(wanted, orders, strict=True)
            ]

        return self._transactions.within(make)

    def dry_run(self, order: Order) -> DispatchStatus:
        """Return how many installations a dispatch would be sent to now, and the first ten."""
        wanted = self._checked(order)
        found = self._reach.recipients(
            wanted.application, wanted.audience, include_disabled=wanted.include_disabled
        )
        sample: list[str] = []
        count = 0
        for count, recipient in enumerate(found, 1):  # noqa: B007 # what is counted
            if len(sample) < SAMPLE:
                sample.append(recipient.installation)
        return DispatchStatus(
            "",
            wanted.application,
            wanted.audience,
            "dry_run",
            None,
            wanted.created_at,
            self._transactions.within(lambda view: view.last()),
            count,
            without_address=found.without_address,
            sample=tuple(sample),
        )

    def _checked(self, order: Order) -> Dispatch:
        """Return a dispatch as it would be made; raises InvalidValue."""
        code = values.identifier("application", order.application)
        if not isinstance(order.message, Message):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidValue("message", "should be a Message")
        name = random_id()
        if order.idempotency_key is not None:
            key = values.text("idempotency_key", order.idempotency_key, limits.NAME, least=1)
            # Two that race collide on it, and it tells nobody the key.
            with self._store.reading() as view:
                check_key(view, self._store.identifier_key)
            name = keyed_hash(self._store.identifier_key, "dispatch", code, key)
        return Dispatch(
            name,
            code,
            str(as_expression(order.expression)),
            order.message,
            include_disabled=order.include_disabled,
            resend_unknown=order.resend_unknown,
            created_at=self._clock(),
            position=0,
        )

    @staticmethod
    def _made(view: DispatchView, wanted: Dispatch, *, again: bool) -> DispatchStatus:
        """Add a dispatch, or return the one that the same key has made."""
        if again and (first := view.dispatch(wanted.id)) is not None:
            if asked(first) != asked(wanted):
                raise IdempotencyKeyReused
            return status_of(view, wanted.id)
        made = replace(wanted, position=view.last())
        view.new_dispatch(made)
        return DispatchStatus.of(made, {})


def asked(dispatch: Dispatch) -> tuple[object, ...]:
    """Return what a caller asked for."""
    flags = dispatch.include_disabled, dispatch.resend_unknown
    return dispatch.application, dispatch.audience, dispatch.message, flags
