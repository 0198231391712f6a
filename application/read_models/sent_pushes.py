"""Pushes that were sent, and to whom each installation belonged then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from addressee.domain import DeviceDepersonalized, DevicePersonalized, Installation

from ..ports.delivery.dispatches import DispatchReader, PushBatch, PushOutcome
from ..ports.records import Recorded

PAGE = 20
"""How many batches are read at once."""


@dataclass(frozen=True, slots=True)
class SentPush:
    """A push to one installation.

    Attributes:
        dispatch: id of its dispatch.
        installation: where it went.
        person: whose the installation was at ``position``, if anybody's.
        at: when its batch left, in UTC.
        position: of the ledger, at which the installation matched the audience (R39).
        outcome: what became of it; see `DispatchStatus`.
        detail: the service's id of the message, or its reason.
    """

    dispatch: str
    installation: str
    person: str | None
    at: datetime
    position: int
    outcome: PushOutcome
    detail: str


def pushes_to(view: DispatchReader, installation: str, application: str) -> Iterator[SentPush]:
    """Yield the pushes to an installation, in the order of their leaving."""
    [ordinal] = view.ordinals(application, {installation}).values()
    stream = Installation(installation).id
    history = view.streams({stream: 0})[stream]
    for batch in view.batches_with(application, ordinal):
        yield push_in(batch, ordinal, installation, history)


def pushes_of(view: DispatchReader, batches: Iterable[PushBatch]) -> Iterator[SentPush]:
    """Yield the pushes of batches, in the order of registration within each."""
    for batch in batches:
        members = list(batch.members)
        names = view.names(members)
        streams = view.streams({Installation(name).id: 0 for name in names})
        for ordinal, name in zip(members, names, strict=True):
            yield push_in(batch, ordinal, name, streams[Installation(name).id])


def push_in(
    batch: PushBatch, ordinal: int, installation: str, history: Sequence[Recorded]
) -> SentPush:
    """Return the push of a batch to one of its members, given the member's events."""
    fate = batch.fates.get(ordinal)
    return SentPush(
        batch.dispatch,
        installation,
        person_at(history, batch.position),
        batch.left_at,
        batch.position,
        fate.outcome if fate else "leaving",
        fate.detail if fate else "",
    )


def person_at(history: Sequence[Recorded], position: int) -> str | None:
    """Return whose an installation was at a position, given its events."""
    person: str | None = None
    for at, event in history:
        if at > position:
            break
        if isinstance(event, DevicePersonalized):
            person = event.person
        elif isinstance(event, DeviceDepersonalized):
            person = None
    return person
