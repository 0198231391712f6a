"""The two commands of an erasure: it has begun, and it is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from addressee.domain import (
    KINDS,
    Aggregate,
    ErasureRefused,
    Identifier,
    IdentifierAdded,
    IdentifierClaim,
    IdentifierClaimed,
    Installation,
    Person,
    UnknownPerson,
    as_expression,
    leaves,
    unbind,
)

from ..ports.records import Recorded
from ..ports.transaction_views import Reader
from ..unit_of_work.results import Updated
from ..unit_of_work.unit_of_work import UnitOfWork
from .held_data import applications_of
from .own_events import lost_with
from .retention.inactive_persons import erasure_times, is_inactive
from .retention.ledger_search import moments


@dataclass(frozen=True, slots=True)
class RequestErasure:
    """Sign a person out everywhere, release the identifiers, and have nothing find the person.

    So it does with all who are seen as one with the person, in the same transaction: no merge and
    no sign-in meets some of them erased and others not. Every installation that they ever had
    states again what the device needs to go on of what they told, for that becomes unreadable.

    Of persons who are erased already it only has installations state that again which still repeat
    what names them: earlier releases did so when they erased somebody else.

    Args:
        person: the person's id.
        inactive_at: records nothing unless the person `is_inactive` at that time, as the policies
            are within the transaction; None for any person.
    """

    ANSWER: ClassVar = Updated

    person: str
    inactive_at: datetime | None = None

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # noqa: ARG002 # as the protocol has it
        """Return the person."""
        return (Person(self.person),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Raise UnknownPerson or ErasureRefused."""
        person = work.get(Person, self.person)
        seen = work.seen(person)
        check_reach(person, seen, work.within)
        group = work.group(person)
        persons = [each for each in group if not each.erasing]
        recorded = [each for stream in work.streams(group).values() for each in stream]
        if persons and not self._concerns(work, seen, recorded):
            return Updated("unchanged", None, self.person)
        names = applications_of(recorded)
        own = {each.name for each in group}
        streams = work.streams(map(Installation, names))
        lost = {name: lost_with(streams[Installation(name).id], own) for name in names}
        if not persons:
            lost = {name: each for name, each in lost.items() if each.copied}
            if not lost:
                return Updated("unchanged", None, self.person)
        work.open(*map(Installation, lost))
        key = work.store.identifier_key
        segments = {*segments_naming(own, recorded, work.reader, key)}
        for each in persons:
            sign_out(work, each)
        for name, its in lost.items():
            work.get(Installation, name).restate(work.occasion, its.facts, its.gone)
        for each in persons:
            each.request_erasure(work.occasion, segments)
        return Updated("updated", None, self.person)

    def _concerns(self, work: UnitOfWork, seen: Person, recorded: Sequence[Recorded]) -> bool:
        if self.inactive_at is None:
            return True
        retentions = work.rules.policies.retentions(work.reader)
        return is_inactive(seen, recorded, moments(erasure_times(retentions), self.inactive_at))


@dataclass(frozen=True, slots=True)
class RecordErasure:
    """Record that the keys of a person's data are destroyed, and of all who are merged with it.

    Args:
        person: the person's id.
        keys: id of each of the persons → the key of each of its events.
        fingerprint: of all of these keys.
    """

    ANSWER: ClassVar = Updated

    person: str
    keys: Mapping[str, Sequence[str]]
    fingerprint: str

    actor = "backend"

    def opens(self, key: bytes) -> Iterable[Aggregate]:  # noqa: ARG002 # as the protocol has it
        """Return the person."""
        return (Person(self.person),)

    def decide(self, work: UnitOfWork) -> Updated:
        """Record nothing where it is recorded already, of all of these keys."""
        persons = [each for each in work.group(work.get(Person, self.person))
                   if each.destroyed_keys is None
                   or {*self.keys[each.name]} - {*each.destroyed_keys}]  # fmt: skip
        for each in persons:
            keys = self.keys[each.name]
            each.note_erased(work.occasion, {*keys}, self.fingerprint, len(keys))
        return Updated("updated" if persons else "unchanged", None, self.person)


def check_reach(person: Person, seen: Person, within: str | None) -> None:
    """Check that a caller may erase a person.

    Args:
        person: the one who is named.
        seen: the same with all who are seen as one with the person.
        within: the only application that the caller may see, if there is one.

    Raises:
        UnknownPerson: there is no such person, or the application has not met them.
        ErasureRefused: other applications have met them too.
    """
    if not person.exists or not seen.known_in(within):
        raise UnknownPerson(person.name)
    if within is not None and seen.met - {within}:
        raise ErasureRefused


def sign_out(work: UnitOfWork, person: Person) -> None:
    """Take a person's installations and identifiers away."""
    for name in list(person.devices):
        unbind(work.occasion, work.get(Installation, name), person, "person_erased")
    for identifier in list(person.identifiers):
        person.remove_identifier(work.occasion, identifier)
        work.claim(identifier).release(work.occasion, identifier, person.name)


def segments_naming(
    persons: AbstractSet[str], recorded: Sequence[Recorded], reader: Reader, key: bytes
) -> Iterator[str]:
    """Yield the segments that name an identifier that persons ever had, as ``application/name``.

    Args:
        persons: their ids.
        recorded: all events of the persons.
        reader: has the segments of all applications.
        key: the store's identifier key.
    """
    wanted = {event.identifier for _, event in recorded if isinstance(event, IdentifierAdded)}
    named = {
        f"{application}/{name}": {
            Identifier(term.field, term.value)
            for term in leaves(as_expression(text))
            if term.field in KINDS
        }
        for application in reader.segmented()
        for name, text in sorted(reader.segments(application).items())
    }
    if any(not identifier.value for identifier in wanted):
        # In a ledger that was restored the persons' events can't be read; claims name them, too.
        wanted |= {
            *claimed_by(persons, frozenset[Identifier]().union(*named.values()), reader, key)
        }
    return (place for place, identifiers in named.items() if identifiers & wanted)


def claimed_by(
    persons: AbstractSet[str], identifiers: Iterable[Identifier], reader: Reader, key: bytes
) -> Iterator[Identifier]:
    """Yield those of some identifiers that persons ever had, by the claims on them."""
    claims = {IdentifierClaim.on(each, key).id: each for each in identifiers}
    for stream, recorded in reader.streams(dict.fromkeys(claims, 0)).items():
        events = (event for _, event in recorded if isinstance(event, IdentifierClaimed))
        if any(event.person in persons for event in events):
            yield claims[stream]
