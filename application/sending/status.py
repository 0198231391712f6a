"""How far dispatches are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from addressee.domain import values

from ..ports.delivery.dispatches import Dispatch, DispatchReader, PushOutcome, State
from ..ports.delivery.push import Message
from .transactions import Transactions, known

LISTED = 10_000
"""Most dispatches of one list."""


@dataclass(frozen=True, slots=True)
class DispatchStatus:
    """A dispatch, and what became of its installations.

    Attributes:
        id: names the dispatch; empty for a dry run, of which nothing is kept.
        application: its application code.
        audience: the expression, as text.
        state: ``scheduled``, ``running``, ``paused``, ``cancelled``, ``done`` or ``dry_run``.
        problem: why it paused, if it did so by itself.
        created_at: when, in UTC.
        position: the ledger's at that moment.
        recipients: how many installations it has been sent to; of a dry run, would be sent to now,
            or match the audience now where it is to start later, with or without an address.
        accepted: how many of them the services took.
        dead: how many addresses reach nobody any more.
        rejected: how many messages were refused for good.
        unknown: how many have left and never got an answer.
        leaving: how many are on their way.
        retry: how many wait to be sent again.
        not_sent: how many were to be sent again, and did not match the audience any more.
        without_address: how many installations had none.
        sample: the first installations of a dry run.
        starts_at: before when it does not start, in UTC; None if that was not ordered.
        include_disabled: whether it also goes to installations with a push flag off.
    """

    id: str
    application: str
    audience: str = field(repr=False)
    state: State | Literal["dry_run"]
    problem: str | None
    created_at: datetime
    position: int
    recipients: int
    accepted: int = 0
    dead: int = 0
    rejected: int = 0
    unknown: int = 0
    leaving: int = 0
    retry: int = 0
    not_sent: int = 0
    without_address: int = 0
    sample: tuple[str, ...] = ()
    starts_at: datetime | None = None
    include_disabled: bool = False

    @classmethod
    def of(cls, dispatch: Dispatch, tally: Mapping[PushOutcome, int]) -> Self:
        """Return the status of a dispatch.

        Args:
            dispatch: which.
            tally: how many members of its batches have which outcome.
        """
        counts: dict[str, Any] = {name: tally.get(name, 0) for name in COUNTED}
        return cls(
            dispatch.id,
            dispatch.application,
            dispatch.audience,
            dispatch.state,
            dispatch.problem,
            dispatch.created_at,
            dispatch.position,
            recipients=sum(counts.values()) - counts["not_sent"],
            without_address=dispatch.without_address,
            starts_at=dispatch.starts_at,
            include_disabled=dispatch.include_disabled,
            **counts,
        )


COUNTED: tuple[PushOutcome, ...] = (
    "accepted",
    "dead",
    "rejected",
    "unknown",
    "leaving",
    "retry",
    "not_sent",
)
"""All outcomes but ``retried``: a later batch counts those."""


def status_of(view: DispatchReader, dispatch: str, within: str | None = None) -> DispatchStatus:
    """Return how far a dispatch is; raises UnknownDispatch, also for another application's."""
    return DispatchStatus.of(known(view, dispatch, within), view.tally(dispatch))


class DispatchQueries:
    """The part of `Notifier` that tells how far dispatches are."""

    _transactions: Transactions

    def status(self, dispatch: str, *, within: str | None = None) -> DispatchStatus:
        """Return how far a dispatch is.

        Args:
            dispatch: its id.
            within: the application it has to be of, if any.

        Raises:
            UnknownDispatch: there is none of that id, or it is another application's.
        """
        return self._transactions.read(lambda view: status_of(view, dispatch, within))

    def messages(
        self, dispatches: Iterable[str], *, within: str | None = None
    ) -> dict[str, Message]:
        """Return dispatch → its message, which may be personal data.

        Args:
            dispatches: their ids; those that are deleted, or unknown, are left out.
            within: the application that they have to be of, if any.
        """
        names = [*dict.fromkeys(dispatches)]
        found = self._transactions.read(lambda view: [view.dispatch(name) for name in names])
        return {
            each.id: each.message
            for each in found
            if each is not None and within in {None, each.application}
        }

    def dispatches(
        self, application: str | None = None, limit: int = 100, *, scheduled: bool = True
    ) -> list[DispatchStatus]:
        """Return the newest dispatches, at most 10,000, of one application or of all.

        Those that are scheduled count unless ``scheduled`` is false.
        """
        code = None if application is None else values.identifier("application", application)
        most = values.whole("limit", limit, 1, LISTED)
        return self._transactions.read(
            lambda view: statuses(view, view.dispatches(code, most, scheduled=scheduled))
        )

    def scheduled(self, application: str | None = None, limit: int = 100) -> list[DispatchStatus]:
        """Return the scheduled dispatches that start first, at most 10,000, the first first."""
        codes = None if application is None else {values.identifier("application", application)}
        most = values.whole("limit", limit, 1, LISTED)

        def read(view: DispatchReader) -> list[DispatchStatus]:
            found = [view.dispatch(name) for name in view.scheduled(codes, most)]
            return statuses(view, [each for each in found if each is not None])

        return self._transactions.read(read)


def statuses(view: DispatchReader, found: Sequence[Dispatch]) -> list[DispatchStatus]:
    """Return how far some dispatches are."""
    return [DispatchStatus.of(each, view.tally(each.id)) for each in found]
