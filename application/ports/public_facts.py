"""Facts: the events that mean something outside of the ledger, and their form as flat rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from addressee.domain import (
    EVENT_TYPES,
    ErasureRequested,
    Event,
    SegmentDefined,
    SegmentRemoved,
    personal_fields,
)

PUBLIC = tuple(each for each in EVENT_TYPES if each.HOME in {"installation", "person", "segment"})
"""Claims and completed commands are the ledger's own; the facts are in these."""
ENVELOPE = {"timestamp"}
"""What every message and every row has already."""
CALLERS_OWN = {"correlation_id", "actor"}
"""Texts of callers, which may say anything; of an actor its kind is left."""
SEGMENT_NAMES: Mapping[type[Event], set[str]] = {
    SegmentDefined: {"name"},
    SegmentRemoved: {"name"},
    ErasureRequested: {"segments"},
}
"""Event → its fields that name segments: callers' texts as well, such as "devices of ali@x.com"."""
PSEUDONYMOUS: Mapping[type[Event], set[str]] = {
    each: ENVELOPE | CALLERS_OWN | personal_fields(each) | SEGMENT_NAMES.get(each, set())
    for each in PUBLIC
}
"""Event → the fields to leave out, so that only ids name persons."""


def actor_kind(actor: str) -> str:
    """Return an actor without its name: ``operator`` of ``operator:ana``."""
    return actor.partition(":")[0]


class FactRow(NamedTuple):
    """An event as a flat row; what the event does not say is None.

    Args:
        position: in the ledger.
        time: when it happened, in UTC.
        kind: of event, such as ``DevicePersonalized``.
        application: the application's code.
        installation: the installation's id.
        person: the person's id; of a merge the survivor's.
        reason: why, of a logout or an expiry.
        actor: who asked for it; without personal data its kind alone, such as ``operator``.
        details: the event's other fields, a JSON object.
    """

    position: int
    time: datetime
    kind: str
    application: str | None
    installation: str | None
    person: str | None
    reason: str | None
    actor: str
    details: str


class FactsHeading(NamedTuple):
    """What all facts of one sink have in common.

    Args:
        key_fingerprint: of the ledger's identifier key.
        personal: whether rows have personal data.
    """

    key_fingerprint: str
    personal: bool


class FactsEnd(NamedTuple):
    """Where exported facts end.

    Args:
        last: position of the last event that was looked at; 0 at the beginning.
        digest: of that event alone, which tells a ledger from one that was restored and went on.
    """

    last: int
    digest: bytes


class FactSink(Protocol):
    """Take facts, going on where an earlier run has ended.

    Attributes:
        end: where what was kept ends.
    """

    end: FactsEnd

    def write(self, rows: Sequence[FactRow]) -> None:
        """Take the next rows."""
        ...

    def keep(self, end: FactsEnd) -> None:
        """Keep all rows since the last call, or none of them if this fails; they end there."""
        ...
