"""The repository: aggregates as of one transaction, each stream read once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from addressee.domain import (
    Aggregate,
    IdentifierClaim,
    Installation,
    Person,
    PushTokenClaim,
    seen_persons,
    with_linked,
)

from ..caching.by_epoch import told_epoch
from ..ports.transaction_views import Reader
from .aggregate_cache import AggregateCache, Seen


class AggregateRepository:
    """Reads aggregates for the commands of one transaction, each stream once.

    Args:
        reader: the open transaction.
        cache: states that earlier transactions saw; only the events since are read.

    Attributes:
        epoch: of the store, as the transaction sees it.
    """

    def __init__(self, reader: Reader, cache: AggregateCache) -> None:
        self.reader = reader
        self.epoch = told_epoch(reader)
        self._cache = cache
        self._known: dict[str, Seen] = {}

    def load(self, wanted: Iterable[Aggregate]) -> dict[str, Seen]:
        """Return stream → committed state, new where nothing is recorded; one query for all.

        Args:
            wanted: aggregates as their constructors make them.
        """
        found: dict[str, Seen] = {}
        missing: dict[str, Aggregate] = {}
        for aggregate in wanted:
            if seen := self._known.get(aggregate.id):
                found[aggregate.id] = seen
            else:
                missing[aggregate.id] = aggregate
        if missing:
            cached = self._cache.get(missing, self.epoch)
            known = {s: cached[s].aggregate.version if s in cached else 0 for s in missing}
            streams = self.reader.streams(known)
            for stream, fresh in missing.items():
                seen = cached.get(stream) or Seen(fresh, 0)
                if recorded := streams.get(stream):
                    draft = seen.aggregate.draft().fold(event for _, event in recorded)
                    seen = Seen(draft.committed(), recorded[-1].position)
                    self._cache.put(seen, self.epoch)
                self._known[stream] = found[stream] = seen
        return found

    def person(self, name: str) -> Person:
        """Return a person's committed state."""
        [(found, _)] = self.load([Person(name)]).values()
        return cast("Person", found)

    def seen(self, name: str) -> Person:
        """Return the person as whom a person is seen; no further query where none is merged."""
        person = self.person(name)
        if not person.links:
            return person
        return seen_persons(with_linked([name], self._persons))[name]

    def _persons(self, names: Iterable[str]) -> Iterable[Person]:
        return [cast("Person", found) for found, _ in self.load(map(Person, names)).values()]

    def load_ahead(self, wanted: Iterable[Aggregate]) -> None:
        """Read the aggregates of many commands: those they name, and the owners of these."""
        found = [aggregate for aggregate, _ in self.load(wanted).values()]
        self.load(owner for aggregate in found if (owner := owner_of(aggregate)) is not None)

    def keep(self, seen: Seen) -> None:
        """Let later commands of the transaction start from a state that it has recorded."""
        self._known[seen.aggregate.id] = seen


def owner_of(aggregate: Aggregate) -> Aggregate | None:
    """Return the owner of an installation or a claim, not loaded yet, or None."""
    match aggregate:
        case Installation(person=str(name)) | IdentifierClaim(holder=str(name)):
            return Person(name)
        case PushTokenClaim(holder=str(name)):
            return Installation(name)
        case _:
            return None
