"""From pages of a ledger to changes of read models: the live fold, for followers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from addressee.domain import (
    Aggregate,
    Event,
    IdentifierClaim,
    Installation,
    Person,
    Segment,
    seen_persons,
)
from addressee.domain.events import category_of, name_in, stream_of

from ..caching.bounded_cache import BoundedCache, size_of
from ..ports.read_model_changes import Changes
from ..ports.records import Recorded
from ..ports.transaction_views import View
from .projector import project

KINDS: Mapping[str, type[Aggregate]] = {
    kind.CATEGORY: kind for kind in (Installation, Person, IdentifierClaim, Segment)
}
"""The aggregates that read models show."""
CACHE_BYTES = 1 << 28
"""Most bytes of aggregates in memory: about 100,000 usual ones."""


class Replay:
    """Folds a ledger page by page; it caches the aggregates that were used last.

    Args:
        indexed: ``attr.name`` and ``iattr.name`` that audiences may use.
        key: the store's identifier key.
        position: up to where the read models show the ledger already.
        cache_bytes: most bytes of aggregates that stay in memory; others are read again.
    """

    def __init__(
        self,
        indexed: AbstractSet[str],
        key: bytes,
        position: int = 0,
        *,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.position = position
        self._indexed = indexed
        self._key = key
        self._kept = BoundedCache[str, Aggregate](cache_bytes)

    def changes(self, page: Sequence[Recorded], reader: View) -> Changes:
        """Return what the next events change.

        Args:
            page: the events after ``position``, in ledger order and without a gap, up to where
                `whole_page` or `whole_length` say.
            reader: reads the streams of aggregates that are not cached.

        Raises:
            StoreDamaged: an event can't be read.
        """
        everything: dict[str, list[Event]] = defaultdict(list)
        for _, event in page:
            everything[event.originator_id].append(event)
        events = {stream: of for stream, of in everything.items() if category_of(stream) in KINDS}
        new = {stream for stream, of in events.items() if of[0].originator_version == 1}
        before = {stream: aggregate_of(stream) for stream in new}
        before |= self._states(events.keys() - new, reader)
        drafts = {stream: before[stream].draft().fold(of) for stream, of in events.items()}
        owners = {
            stream_of(Person.CATEGORY, name)
            for stream, draft in drafts.items()
            for name in (owner_of(draft), owner_of(before[stream]))
            if name is not None
        }
        # The page does not change these: their states before and after it are equal.
        others = self._states(owners - drafts.keys(), reader)
        known = {**others, **drafts}
        while linked := streams_linked(known.values()) - known.keys():
            known |= self._states(linked, reader)
        known |= self._states(devices_relinked(known.values()) - known.keys(), reader)
        changes = project(known.values(), self._indexed, self._key)
        self._keep([draft.committed() for draft in drafts.values()])
        if page:
            self.position = page[-1].position
        return changes

    def _states(self, streams: Iterable[str], reader: View) -> dict[str, Aggregate]:
        """Return stream → the aggregate as it was at ``position``."""
        found = {stream: known for stream in streams if (known := self._kept.get(stream))}
        missing = {stream: 0 for stream in streams if stream not in found}
        if not missing:
            return found
        read = reader.streams(missing)
        for stream in missing:
            past = (event for at, event in read.get(stream, ()) if at <= self.position)
            found[stream] = aggregate_of(stream).fold(past)
        self._keep([found[stream] for stream in missing])
        return found

    def _keep(self, aggregates: Iterable[Aggregate]) -> None:
        self._kept.put_all([(each.id, each, size_of(each)) for each in aggregates])


def aggregate_of(stream: str) -> Aggregate:
    """Return a stream's aggregate as it is before anything has happened."""
    return KINDS[category_of(stream)](name_in(stream))


def owner_of(aggregate: Aggregate) -> str | None:
    """Return the person that has an installation or holds an identifier."""
    if isinstance(aggregate, Installation):
        return aggregate.person
    return aggregate.holder if isinstance(aggregate, IdentifierClaim) else None


def states_of_persons(aggregates: Iterable[Aggregate]) -> Iterator[Person]:
    """Yield the persons among aggregates, as they are and as they were."""
    for aggregate in aggregates:
        if isinstance(aggregate, Person):
            yield aggregate
            if aggregate.before is not None:
                yield aggregate.before


def streams_linked(aggregates: Iterable[Aggregate]) -> set[str]:
    """Return the streams of all that are, or were, merged with the persons among aggregates."""
    persons = states_of_persons(aggregates)
    return {stream_of(Person.CATEGORY, name) for person in persons for name in person.links}


def devices_relinked(aggregates: Iterable[Aggregate]) -> set[str]:
    """Return the streams of installations whose person is seen as another one than before."""
    persons = {each.name: each for each in aggregates if isinstance(each, Person)}
    if not any(person.links for person in states_of_persons(persons.values())):
        return set()
    was = seen_persons({name: person.before or person for name, person in persons.items()})
    return {
        stream_of(Installation.CATEGORY, device)
        for name, seen in seen_persons(persons).items()
        if seen.name != was[name].name
        for device in persons[name].devices
    }
