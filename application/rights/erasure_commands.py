"""The two commands of an erasure: it has begun, and it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from addressee.domain import (
    Aggregate,
    Installation,
    InstallationRegistered,
    InstallationRestated,
    InstallationUpdated,
    Person,
    UnknownPerson,
    unbind,
)

from ..ports.records import Recorded
from ..unit_of_work.results import Updated
from ..unit_of_work.unit_of_work import UnitOfWork
from .held_data import applications_of
from .own_events import while_held

OF_PERSON = frozenset({"device_name", "application_user_id"})
"""Device facts that say something of the person; the others are what the device needs to go on."""
FACTS = (InstallationRegistered, InstallationUpdated, InstallationRestated)


@dataclass(frozen=True, slots=True)
class RequestErasure:
    """Sign a person out everywhere, release the identifiers, and have nothing find the person.

    Every installation that the person ever had states anew what the device needs to go on, for its
    earlier events become unreadable.
    """

    ANSWER: ClassVar = Updated

    person: str
    segments: frozenset[str]

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # noqa: ARG002 # as the protocol has it
        """Return the person."""
        return (Person(self.person),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise UnknownPerson for nobody, or nobody that the caller's application has met."""
        person = work.get(Person, self.person)
        if not person.exists or not person.known_in(work.within):
            raise UnknownPerson(self.person)
        if person.erasing:
            return Updated("unchanged", None, self.person)
        [recorded] = work.streams([person]).values()
        names = applications_of(recorded)
        streams = work.streams(map(Installation, names))
        work.open(*map(Installation, names))
        for name in list(person.devices):
            installation = work.get(Installation, name)
            unbind(work.occasion, installation, person, "person_erased")
        for identifier in list(person.identifiers):
            person.remove_identifier(work.occasion, identifier)
            work.claim(identifier).release(work.occasion, identifier, person.name)
        for name in names:
            installation = work.get(Installation, name)
            installation.restate(work.occasion, told_of(person.name, streams[installation.id]))
        person.request_erasure(work.occasion, self.segments)
        return Updated("updated", None, self.person)


@dataclass(frozen=True, slots=True)
class RecordErasure:
    """Record that the keys of a person's data are destroyed."""

    ANSWER: ClassVar = Updated

    person: str
    keys: tuple[str, ...]
    fingerprint: str
    events: int

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # noqa: ARG002 # as the protocol has it
        """Return the person."""
        return (Person(self.person),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Record nothing where it is recorded already."""
        person = work.get(Person, self.person)
        if person.destroyed_keys is not None:
            return Updated("unchanged", None, self.person)
        person.note_erased(work.occasion, self.keys, self.fingerprint, self.events)
        return Updated("updated", None, self.person)


def told_of(person: str, recorded: Sequence[Recorded]) -> frozenset[str]:
    """Return the facts of an installation that say something of a person who is erased."""
    own = {each.position for each in while_held(recorded, {person})}
    last = {
        name: position
        for position, event in recorded
        if isinstance(event, FACTS)
        for name in event.facts
    }
    return frozenset(name for name in OF_PERSON if last.get(name) in own)
