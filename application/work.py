"""One command at work: the aggregates it reads, what it records, and the one append at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from addressee.domain import (
    Aggregate,
    Event,
    Identifier,
    IdentifierClaim,
    Installation,
    NoRegistration,
    Occasion,
    Person,
    PrimaryChanged,
    PushTokenClaim,
    Successor,
    UnknownPerson,
)

from .cache import AggregateCache
from .ports import Store, Transaction
from .projection import project
from .results import PrimaryMove

A = TypeVar("A", bound=Aggregate)


@dataclass(slots=True, frozen=True)
class Rules:
    """What the host chose for all commands: who inherits the primary flag, and how ids are made."""

    successor: Successor
    new_id: Callable[[], str]


class Work:
    """The aggregates of one command within one transaction.

    Args:
        store: whose identifier key and indexed attributes count.
        transaction: the store's, open.
        occasion: time, actor and correlation id; its time moves on to the latest event that was
            read, so that a stream's times never run backwards where clocks differ.
        rules: what the host chose.
        cache: what was seen of aggregates before.
    """

    def __init__(  # everything that one command works with
        self,
        store: Store,
        transaction: Transaction,
        occasion: Occasion,
        rules: Rules,
        cache: AggregateCache,
    ) -> None:
        self.store = store
        self.transaction = transaction
        self.occasion = occasion
        self.rules = rules
        self._cache = cache
        self.position = 0
        """Position of the newest event that was read or appended."""
        self._aggregates: dict[str, Aggregate] = {}

    def open(self, *wanted: Aggregate) -> None:
        """Read the streams of aggregates that are not open yet, all in one query.

        Args:
            wanted: aggregates as their constructors make them; the opened ones are then found by
                ``get``.
        """
        missing = {a.id: a for a in wanted if a.id not in self._aggregates}
        if not missing:
            return
        seen = self._cache.get(missing)
        streams = self.transaction.streams(
            {stream: seen[stream].aggregate.version if stream in seen else 0 for stream in missing}
        )
        for stream, fresh in missing.items():
            aggregate, position = seen.get(stream, (fresh, 0))
            if recorded := streams.get(stream):
                position = recorded[-1].position
                aggregate = aggregate.draft().fold(event for _, event in recorded).committed()
                self._cache.put(aggregate, position)
            self.position = max(self.position, position)
            if aggregate.modified_on is not None:
                self.occasion.timestamp = max(self.occasion.timestamp, aggregate.modified_on)
            self._aggregates[stream] = aggregate.draft()

    def get(self, aggregate: A) -> A:
        """Return the open aggregate of the same stream, opening it if need be."""
        self.open(aggregate)
        return cast("A", self._aggregates[aggregate.id])

    def installation(self, name: str) -> Installation:
        """Return a live installation; raises NoRegistration (R9)."""
        installation = self.get(Installation(name))
        if not installation.live:
            raise NoRegistration(name, installation.expired)
        return installation

    def person(self, name: str) -> Person:
        """Return a person by id; raises UnknownPerson."""
        person = self.get(Person(name))
        if not person.exists:
            raise UnknownPerson(name)
        return person

    def owner(self, installation: Installation) -> Person | None:
        """Return whose an installation is, if anybody's."""
        return self.get(Person(installation.person)) if installation.person else None

    def claim(self, identifier: Identifier) -> IdentifierClaim:
        """Return the claim on an identifier."""
        return self.get(IdentifierClaim.on(identifier, self.store.identifier_key))

    def token_claim(self, application: str, push_token: str) -> PushTokenClaim:
        """Return the claim on a push token."""
        return self.get(PushTokenClaim.on(application, push_token, self.store.identifier_key))

    def touch(self, installation: Installation) -> None:
        """Note that an installation's session is alive, outside the ledger (R26)."""
        self.transaction.touch(installation.name, self.occasion.timestamp)

    @property
    def recorded(self) -> bool:
        """Whether the command has anything to append."""
        return any(aggregate.pending for aggregate in self._aggregates.values())

    def primary_moves(self) -> tuple[PrimaryMove, ...]:
        """Return what the command did to primary flags."""
        return tuple(
            PrimaryMove(event.application, event.person, event.previous, event.current)
            for aggregate in self._aggregates.values()
            if isinstance(aggregate, Person)
            for event in aggregate.pending
            if isinstance(event, PrimaryChanged)
        )

    def append(self) -> list[Event]:
        """Append what was recorded, if anything, and return it; raises Conflict."""
        if not self.recorded:
            return []
        changes = project(self._aggregates.values(), self.store.indexed_attributes)
        events = [event for a in self._aggregates.values() for event in a.collect_events()]
        self.position = self.transaction.append(events, changes)
        return events

    def committed(self) -> None:
        """Keep what was recorded for the next command; the transaction has been committed."""
        for aggregate in self._aggregates.values():
            if aggregate.changed:
                self._cache.put(aggregate.committed(), self.position)
