"""The unit of work of one command: the aggregates it reads, and the events it records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, TypeVar, cast

from addressee.domain import (
    Aggregate,
    DeviceCap,
    Event,
    Identifier,
    IdentifierClaim,
    Installation,
    LimitExceeded,
    Limits,
    NoRegistration,
    Occasion,
    Person,
    PushTokenClaim,
    Segment,
    Successor,
    UnknownPerson,
    UserData,
)
from addressee.domain.events import stream_of

from ..access.application_policies import Policies
from ..ports.read_model_changes import Changes
from ..ports.records import Recorded
from ..ports.store import Store
from ..ports.transaction_views import Reader
from ..read_models.projector import project
from .command_context import Checked
from .loaded_persons import OpenPersons
from .repository import AggregateRepository

A = TypeVar("A", bound=Aggregate)
UNITS = {
    "attributes": "attributes",
    "tags": "tags",
    "tagging": "changed tags times installations",
}
"""Limit → the unit of its sizes in an error."""


@dataclass(slots=True, frozen=True)
class Rules:
    """The host's choices for all commands.

    Args:
        successor: which installation inherits the primary flag.
        new_id: makes ids.
        policies: those of the mobile apps.
    """

    successor: Successor
    new_id: Callable[[], str]
    policies: Policies

    def for_transaction_of_host(self) -> Self:
        """Return rules for a command in a transaction of the host's, whose view may be old."""
        return replace(self, policies=self.policies.for_transaction_of_host())


class UnitOfWork(OpenPersons):
    """The aggregates of one command within one transaction.

    Args:
        store: has the identifier key and the indexed attributes.
        repository: reads aggregates within the open transaction.
        occasion: time, actor and correlation id; its time moves on to the latest event that was
            read, so that a stream's times never run backwards where clocks differ.
        rules: the host's choices.
        context: the rights of the caller.
    """

    def __init__(
        self,
        store: Store,
        repository: AggregateRepository,
        occasion: Occasion,
        rules: Rules,
        context: Checked,
    ) -> None:
        self.store = store
        self.occasion = occasion
        self.rules = rules
        self.within = context.within
        self.user_data: UserData | None = context.user_data
        self.touches: dict[str, datetime] = {}
        """Installations whose sessions are in use, and since when (R26)."""
        self._repository = repository
        self._aggregates: dict[str, Aggregate] = {}
        self._persons = {}
        self._positions: dict[str, int] = {}

    def open(self, *wanted: Aggregate) -> None:
        """Read the streams of aggregates that are not open yet, all in one query.

        Args:
            wanted: aggregates as their constructors make them; the opened ones are then found by
                ``get``.
        """
        missing = [aggregate for aggregate in wanted if aggregate.id not in self._aggregates]
        if not missing:
            return
        linked: set[str] = set()
        for stream, (aggregate, position) in self._repository.load(missing).items():
            self._positions[stream] = position
            if aggregate.modified_on is not None:
                self.occasion.timestamp = max(self.occasion.timestamp, aggregate.modified_on)
            self._aggregates[stream] = draft = aggregate.draft()
            if isinstance(draft, Person):
                self._persons[draft.name] = draft
                linked.update(draft.links)
        if linked:  # only where persons are merged is there another query
            self.open(*map(Person, linked))

    @property
    def position(self) -> int:
        """Position of the newest event that was read."""
        return max(self._positions.values(), default=0)

    def position_of(self, aggregate: Aggregate) -> int:
        """Return the position of the last event that an open aggregate had when it was read."""
        return self._positions[aggregate.id]

    def get(self, kind: type[A], name: str) -> A:
        """Return the open aggregate of that kind and name, opening it if need be."""
        stream = stream_of(kind.CATEGORY, name)
        if stream not in self._aggregates:
            self.open(kind(name))
        return cast("A", self._aggregates[stream])

    def new(self, kind: type[A]) -> A:
        """Return an aggregate with an id of its own.

        Its stream is not read. Should the id have been used before, saving collides (R32).
        """
        aggregate = kind(self.rules.new_id())
        self._positions[aggregate.id] = 0
        self._aggregates[aggregate.id] = draft = aggregate.draft()
        if isinstance(draft, Person):
            self._persons[draft.name] = draft
        return draft

    def installation(self, name: str) -> Installation:
        """Return a live installation; raises NoRegistration (R9)."""
        installation = self.get(Installation, name)
        if self.within not in (None, installation.application):
            raise NoRegistration(name)
        if not installation.live:
            raise NoRegistration(name, installation.expired)
        return installation

    def person(self, name: str) -> Person:
        """Return a person by id; raises UnknownPerson."""
        person = self.get(Person, name)
        if not person.exists or person.erasing:
            raise UnknownPerson(name)
        return person

    def cap(self, application: str) -> DeviceCap | None:
        """Return the most installations of a person in an application, if it has a limit."""
        return self.rules.policies.cap(application, self._repository.reader)

    def check_application(self, application: str) -> None:
        """Raise UnknownApplication for one that is not configured, where that is not allowed."""
        self.rules.policies.check(application, self._repository.reader)

    def check_protection(self, installation: Installation, person: Person) -> None:
        """Raise PersonProtected for a device whose application is not strict enough (R56)."""
        reader = self._repository.reader
        self.rules.policies.check_protection(self.user_data, installation, person, reader)

    def owner(self, installation: Installation) -> Person | None:
        """Return the person of an installation, if it has one."""
        return self.get(Person, installation.person) if installation.person else None

    def streams(self, aggregates: Iterable[Aggregate]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → all recorded events."""
        return self._repository.reader.streams({each.id: 0 for each in aggregates})

    def seen_owner(self, installation: Installation) -> str | None:
        """Return the id of the person as whom the person of an installation is seen."""
        owner = self.owner(installation)
        return None if owner is None else self.seen(owner).name

    def claim(self, identifier: Identifier) -> IdentifierClaim:
        """Return the claim on an identifier."""
        return self.get(
            IdentifierClaim, IdentifierClaim.name_of(identifier, self.store.identifier_key)
        )

    def holder(self, claim: IdentifierClaim) -> str | None:
        """Return the id of the person who holds an identifier; None if the person is erased.

        An erasure releases what it can read. In a ledger that was restored from a backup the keys
        are destroyed before it, so that it can't name the claims.
        """
        held = claim.holder and self.get(Person, claim.holder)
        return held.name if held and not held.erasing else None

    def token_claim(self, application: str, push_token: str) -> PushTokenClaim:
        """Return the claim on a push token."""
        claim = PushTokenClaim.on(application, push_token, self.store.identifier_key)
        return self.get(PushTokenClaim, claim.name)

    def segment(self, application: str, name: str) -> Segment:
        """Return a segment of an application, defined or not."""
        return self.get(Segment, Segment.of(application, name).name)

    def touch(self, installation: Installation) -> None:
        """Note that an installation, and its session, is in use, outside the ledger (R26)."""
        self.touches[installation.name] = self.occasion.timestamp

    def last_seen(self, installation: str) -> datetime | None:
        """Return when an installation was last used, None for one that has expired (R26)."""
        return self._repository.reader.last_seen(installation)

    @property
    def reader(self) -> Reader:
        """What the store shows within the transaction, as it was before the batch."""
        return self._repository.reader

    @property
    def recorded(self) -> bool:
        """Whether the command has anything to append."""
        return any(aggregate.pending for aggregate in self._aggregates.values())

    def put_last(self, aggregate: Aggregate) -> None:
        """Have an aggregate's events come after those of all that are open by now."""
        self._aggregates[aggregate.id] = self._aggregates.pop(aggregate.id)

    def limits_of(self, application: str) -> Limits:
        """Return the limits of an application (R44, R57)."""
        return self.rules.policies.limits_of(application, self._repository.reader)

    def check_sizes(self) -> None:
        """Check the sizes of everything that the command has made larger (R57).

        A person has the largest limits of the applications on whose installations the person is,
        with all who are seen as one with the person.

        Raises:
            LimitExceeded: an installation or person has too many attributes or tags, or a person's
                changed tags are on too many installations.
        """
        for aggregate in self._aggregates.values():
            if not aggregate.pending or not (grown := aggregate.growth()):
                continue
            counted: Aggregate = aggregate
            if isinstance(aggregate, Person) and aggregate.links:
                counted = seen = self.seen(aggregate)
                if "tagging" in grown:
                    grown["tagging"] = seen.tagging(self.seen_before(aggregate))
            allowed = [self.limits_of(code) for code in applications_of(counted)]
            for name, size in grown.items():
                most = max([getattr(each, name) for each in allowed])
                if size > most:
                    raise LimitExceeded(name, most, size, UNITS[name])

    def finish(self) -> tuple[list[Event], Changes, list[Aggregate]] | None:
        """Hand over the new events, what they change in the read models, and the aggregates.

        Returns:
            None where nothing was recorded.
        """
        self.note_in_survivors()
        changed = [aggregate for aggregate in self._aggregates.values() if aggregate.pending]
        if not changed:
            return None
        changes = self.changes()
        events = [event for aggregate in changed for event in aggregate.collect_events()]
        return events, changes, [aggregate.committed() for aggregate in changed]

    def changes(self) -> Changes:
        """Return what the command changes in the read models."""
        aggregates, store = self._aggregates.values(), self.store
        return project(aggregates, store.indexed_attributes, store.identifier_key)


def applications_of(aggregate: Aggregate) -> AbstractSet[str]:
    """Return the codes of the applications whose limits an aggregate has; ``""`` for none."""
    if isinstance(aggregate, Installation):
        return {aggregate.application}
    return {*aggregate.devices.values()} or {""} if isinstance(aggregate, Person) else {""}
