"""As whom persons are seen, or were seen at a moment, from their streams (R52)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from addressee.domain import Person, seen_persons, with_linked

from ..ports.records import Recorded
from ..ports.transaction_views import Reader, View
from .aggregate_cache import AggregateCache
from .repository import AggregateRepository

Counts = Callable[[Recorded], bool]
"""Whether an event counts at a moment."""


def always(_: Recorded) -> bool:
    """Count every event."""
    return True


class SeenPersons:
    """Reads persons from one view; each stream once.

    Args:
        view: shows the streams.
        cache: states as last seen; with them a person who was never merged is told quickly.
    """

    def __init__(self, view: View, cache: AggregateCache) -> None:
        # A repository needs no more of it than a view has.
        self._repository = AggregateRepository(cast("Reader", view), cache)
        self._view = view
        self._streams: dict[str, Sequence[Recorded]] = {}

    def load(self, names: Iterable[str]) -> None:
        """Read persons ahead, all in one query."""
        self._repository.load(map(Person, names))

    def person(self, name: str, counts: Counts = always) -> Person:
        """Return the person as whom a person was seen at a moment; without events if unknown."""
        return seen_persons(with_linked([name], lambda names: self._folded(names, counts)))[name]

    def name(self, person: str, counts: Counts = always) -> str:
        """Return the id of the person as whom a person was seen at a moment."""
        known = self._repository.person(person)
        return self.person(person, counts).name if known.ever_merged else person

    def events(self, name: str) -> Sequence[Recorded]:
        """Return all events of a person and of those who are merged with the person now."""
        seen = self.person(name)
        group = (seen.name, *seen.merged)
        if len(group) == 1:
            return self._streams[seen.id]
        return sorted(each for member in group for each in self._streams[Person(member).id])

    def _folded(self, names: Iterable[str], counts: Counts) -> Iterable[Person]:
        persons = [Person(name) for name in names]
        if missing := {person.id: 0 for person in persons if person.id not in self._streams}:
            found = self._view.streams(missing)
            self._streams |= {stream: found.get(stream, ()) for stream in missing}
        return [
            person.fold(each.event for each in self._streams[person.id] if counts(each))
            for person in persons
        ]
