"""Events in words, for the timeline of a person or a device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from addressee.application import Recorded
from addressee.domain import (
    DeviceDepersonalized,
    DevicePersonalized,
    Event,
    Identifier,
    IdentifierAdded,
    IdentifierRemoved,
    InstallationExpired,
    InstallationRegistered,
    InstallationTagged,
    InstallationUpdated,
    PersonTagged,
    PersonUpdated,
)
from addressee.domain.events import (
    ErasureRequested,
    InstallationErased,
    InstallationErasureRequested,
    InstallationRestated,
    KeyIssued,
    KeyRevoked,
    MergeEvent,
    PersonCreated,
    PersonErased,
    PersonExported,
    PersonPromoted,
    PersonsMerged,
    PersonsUnmerged,
    PolicyChanged,
    PrimaryChanged,
    PushChanged,
    PushesForgotten,
    PushOrdered,
    PushTokenClaimed,
    SessionsEnded,
    SinkChanged,
    WorkStarted,
    personal_fields,
)

from .masking import Masking, written

TITLES: Mapping[type[Event], str] = {
    InstallationRegistered: "Device registered",
    InstallationUpdated: "Device data changed",
    InstallationTagged: "Tags of the device changed",
    InstallationExpired: "Device expired",
    InstallationRestated: "Device data restated after an erasure",
    InstallationErasureRequested: "Erasure of the device's own data requested",
    InstallationErased: "The device's own data erased",
    PersonCreated: "Person created",
    PersonPromoted: "Lead became a customer",
    PersonUpdated: "Attributes changed",
    PersonTagged: "Tags changed",
    PersonExported: "Data exported",
    ErasureRequested: "Erasure requested",
    PersonErased: "Data erased",
    PersonsMerged: "Persons merged",
    PersonsUnmerged: "Merge taken back",
    IdentifierAdded: "Identifier added",
    IdentifierRemoved: "Identifier removed",
    DevicePersonalized: "Signed in",
    DeviceDepersonalized: "Signed out",
    PrimaryChanged: "Primary device changed",
    PushTokenClaimed: "Push token registered",
    PolicyChanged: "Settings changed",
    KeyIssued: "Key made",
    KeyRevoked: "Key revoked",
    SessionsEnded: "All operators signed out",
    PushOrdered: "Push ordered",
    PushChanged: "Push steered",
    PushesForgotten: "Old pushes deleted",
    SinkChanged: "Relay steered",
    WorkStarted: "Work started",
}
COMMON = {"timestamp", "actor", "correlation_id", "application"}
DEVICES = ("installation", "superseded_by", "previous", "current")
LINKS = {
    **dict.fromkeys(DEVICES, "installation"),
    **dict.fromkeys(("person", "survivor", "merged"), "person"),
}
"""Fields of events that name something with a page, and whose page that is."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of an event: its name, its text, and the page of what it names, if any."""

    name: str
    text: str
    page: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline.

    Attributes:
        position: of the event in the ledger.
        at: its time.
        title: what happened, in words.
        actor: the caller; operators' names are shown to all.
        reason: the correlation id of the command, if it had one; it may name anybody.
        facts: the fields of the event.
        merge: id of the merge, where the event is one.
    """

    position: int
    at: datetime
    title: str
    actor: str
    reason: str | None
    facts: tuple[Fact, ...]
    merge: str | None = None


def timeline(recorded: Iterable[Recorded], masking: Masking) -> Iterator[Entry]:
    """Yield events in words, in the order in which they are given.

    A merge is on the streams of both persons, and told once.
    """
    merges: set[tuple[type[Event], str]] = set()
    for position, event in recorded:
        if isinstance(event, MergeEvent):
            if (type(event), event.merge) in merges:
                continue
            merges.add((type(event), event.merge))
        yield Entry(
            position,
            event.timestamp,
            TITLES.get(type(event), type(event).__name__),
            event.actor,
            None if event.correlation_id is None else masking.text(event.correlation_id),
            tuple(facts_of(event, masking)),
            event.merge if isinstance(event, MergeEvent) else None,
        )


def facts_of(event: Event, masking: Masking) -> Iterator[Fact]:
    """Yield the fields of an event that say something; personal data masked as for the operator."""
    personal = personal_fields(type(event))
    own = name_of(event)
    for name, value in event.model_dump(exclude=COMMON).items():
        if value in ({}, (), [], None, "") or value == own:
            continue
        words = name.replace("_", " ")
        if name == "facts":
            yield from (Fact(key, text) for key, text in masking.facts(value).items())
        elif name == "attributes":
            yield from (Fact(key, text) for key, text in masking.values(value).items())
        elif isinstance(event, IdentifierAdded) and name == "value":
            yield Fact(event.kind, masking.identifier(Identifier(event.kind, event.value)))
        elif isinstance(event, IdentifierAdded) and name == "kind":
            continue
        else:
            text = masking.text(value) if name in personal else written(value)
            yield Fact(words, text, LINKS.get(name))


def name_of(event: Event) -> Any:  # noqa: ANN401 # any value may be compared with it
    """Return the name of the person or device whose stream an event stands on."""
    return event.originator_id.partition(":")[2]
