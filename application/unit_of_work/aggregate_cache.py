"""The aggregate cache: a long stream is folded once, and then only its new events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple

from addressee.domain import Aggregate


class Seen(NamedTuple):
    """A committed state, never changed again, and the ledger position it was reached at."""

    aggregate: Aggregate
    position: int


class AggregateCache:
    """A bounded cache of committed states; the least recently used goes first.

    A state may be old: the caller reads the stream from that version on. So a tablet that changes
    hands all day costs a command no more than a new one.

    Args:
        size: most states; 0 caches none.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._seen: OrderedDict[str, Seen] = OrderedDict()

    def get(self, streams: Iterable[str]) -> dict[str, Seen]:
        """Return stream → state, for those in the cache."""
        with self._lock:
            found = {stream: self._seen[stream] for stream in streams if stream in self._seen}
            for stream in found:
                self._seen.move_to_end(stream)
        return found

    def put(self, seen: Seen) -> None:
        """Cache a committed state, unless a newer one is cached already."""
        if not self._size:
            return
        aggregate, _ = seen
        with self._lock:
            kept = self._seen.get(aggregate.id)
            if kept is None or kept.aggregate.version < aggregate.version:
                self._seen[aggregate.id] = seen
            self._seen.move_to_end(aggregate.id)
            if len(self._seen) > self._size:
                self._seen.popitem(last=False)
