"""A cache of what queries read and decoded of the index."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from addressee.application.caching.bounded_cache import BoundedCache

from .delta import ReadDelta

IDS = 1 << 19
"""Of how many installations, the oldest, ids are cached: about 50 MB of Python's memory."""


class CachedGeneration(BoundedCache[Hashable, Any]):
    """What holds for one generation of chunks.

    Args:
        generation: which one.
        limit: most bytes of values, as ``put`` counts them.

    Attributes:
        generation: which one.
        deltas: number of a term → how far its delta was read; the next query continues there.
    """

    def __init__(self, generation: bytes, limit: int) -> None:
        super().__init__(limit)
        self.generation = generation
        self.deltas: dict[int, ReadDelta] = {}
        self._ids: list[str | None] = []

    def ids(self, last: int) -> list[str | None] | None:
        """Return ordinal → id, which callers complete; None beyond the cached range.

        Args:
            last: the highest ordinal that is needed.
        """
        if last >= IDS:
            return None
        with self._lock:
            self._ids += [None] * (last + 1 - len(self._ids))
        return self._ids


class GenerationCache:
    """Caches the newest generation alone; the next one starts with an empty cache.

    A generation ends when chunks are written, in the transaction that writes them, and a reader
    reads which one it sees. So the cache is exact at once, whichever process wrote (R19). A
    reader that still sees an older generation goes on with the cache of that.

    Args:
        limit: as for `CachedGeneration`.

    Attributes:
        newest: the cached generation.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.newest = CachedGeneration(b"", limit)

    def of(self, generation: bytes) -> CachedGeneration:
        """Return the cache of a generation; it is empty if the generation is new."""
        kept = self.newest
        if kept.generation != generation:
            kept = self.newest = CachedGeneration(generation, self._limit)
        return kept
