"""From pages of a ledger to changes of read models: the live fold, for followers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from addressee.domain import Aggregate, Event, IdentifierClaim, Installation, Person, Segment
from addressee.domain.events import category_of, name_in, stream_of

from ..caching.bounded_cache import BoundedCache, size_of
from ..ports.read_model_changes import Changes
from ..ports.records import Recorded
from ..ports.views import View
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
        position: up to where the read models show the ledger already.
        cache_bytes: most bytes of aggregates that stay in memory; others are read again.
    """

    def __init__(
        self, indexed: AbstractSet[str], position: int = 0, *, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.position = position
        self._indexed = indexed
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
            if isinstance(draft, Installation)
            for name in (draft.person, owner_of(before[stream]))
            if name is not None
        }
        # The page does not change these: their states before and after it are equal.
        others = self._states(owners - drafts.keys(), reader)
        changes = project((*drafts.values(), *others.values()), self._indexed)
        for draft in drafts.values():
            self._keep(draft.committed())
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
            self._keep(found[stream])
        return found

    def _keep(self, aggregate: Aggregate) -> None:
        self._kept.put(aggregate.id, aggregate, size_of(aggregate))


def aggregate_of(stream: str) -> Aggregate:
    """Return a stream's aggregate as it is before anything has happened."""
    return KINDS[category_of(stream)](name_in(stream))


def owner_of(aggregate: Aggregate) -> str | None:
    """Return the person that has an installation."""
    return aggregate.person if isinstance(aggregate, Installation) else None
