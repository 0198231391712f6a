"""The aggregate cache: a long stream is folded once, and then only its new events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from addressee.domain import Aggregate

from ..caching.bounded_cache import BoundedCache, size_of
from ..caching.by_epoch import ByEpoch

CACHE_BYTES = 1 << 26
"""Most bytes of aggregates in the cache: about 20,000 usual ones."""


class Seen(NamedTuple):
    """A committed state, never changed again, and the ledger position it was reached at."""

    aggregate: Aggregate
    position: int


class AggregateCache:
    """A bounded cache of committed states; the least recently used goes first.

    A state may be old: the caller reads the stream from that version on. So a tablet that changes
    hands all day costs a command no more than a new one. But it must not be of commits that the
    store has lost since: each state is of an epoch of the store, 0 where it tells none.

    Args:
        limit: most bytes of states; 0 caches none.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._seen = ByEpoch(lambda: BoundedCache[str, Seen](limit))

    def get(self, streams: Iterable[str], epoch: int = 0) -> dict[str, Seen]:
        """Return stream → state, for those in the cache."""
        states = self._seen.at(epoch)
        return {stream: seen for stream in streams if (seen := states.get(stream))}

    def versions(self, streams: Iterable[str]) -> dict[str, int]:
        """Return stream → the version that is cached, or 0."""
        seen = self.get(known := [*streams])
        return {s: seen[s].aggregate.version if s in seen else 0 for s in known}

    def put(self, seen: Seen, epoch: int = 0) -> None:
        """Cache a committed state, unless a newer one is cached already."""
        self.put_all((seen,), epoch)

    def put_all(self, states: Iterable[Seen], epoch: int = 0) -> None:
        """Cache the committed states of several streams, each as `put` does."""
        if not self._limit:
            return
        cached = self._seen.at(epoch)
        newer: list[tuple[str, Seen, int]] = []
        for seen in states:
            aggregate = seen.aggregate
            known = cached.get(aggregate.id)
            if known is None or known.aggregate.version < aggregate.version:
                newer.append((aggregate.id, seen, size_of(aggregate)))
        cached.put_all(newer)
