"""What was read and decoded of the index, kept for the next question."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any

from .delta import ReadDelta

IDS = 1 << 19
"""Of how many installations, the oldest, ids are kept: about 50 MB of Python's memory."""


class Kept:
    """What holds for one generation of chunks.

    Args:
        generation: which one.
        limit: how many bytes of values are kept, as `put` is told them; then the oldest goes first.

    Attributes:
        generation: which one.
        deltas: number of a term → what was read of its delta, for whoever asks next to go on from.
    """

    def __init__(self, generation: bytes, limit: int) -> None:
        self.generation = generation
        self.deltas: dict[int, ReadDelta] = {}
        self._limit = limit
        self._lock = Lock()
        self._values: dict[Hashable, tuple[Any, int]] = {}
        self._size = 0
        self._ids: list[str | None] = []

    def get(self, key: Hashable) -> Any:  # noqa: ANN401 # the caller knows what it put
        """Return what is kept under a key, or None."""
        found = self._values.get(key)
        return None if found is None else found[0]

    def put(self, key: Hashable, value: object, size: int) -> None:
        """Keep a value that nobody changes any more, of about so many bytes."""
        with self._lock:
            if key in self._values:
                return
            self._values[key] = value, size
            self._size += size
            while self._size > self._limit:
                oldest = next(iter(self._values))
                self._size -= self._values.pop(oldest)[1]

    def ids(self, last: int) -> list[str | None] | None:
        """Return ordinal → id, to be filled by whoever misses one; None if none are kept.

        Args:
            last: the highest ordinal that is needed.
        """
        if last >= IDS:
            return None
        with self._lock:
            self._ids += [None] * (last + 1 - len(self._ids))
        return self._ids


class Warm:
    """What is kept of the newest generation; when that is over, all of it goes.

    A generation ends when chunks are written, in the transaction that writes them, and a reader
    asks which one it sees. So what is kept is exact at once, whichever process wrote (R19). A
    reader that still sees an older one goes on with what was kept of that.

    Args:
        limit: as for `Kept`.

    Attributes:
        newest: what is kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.newest = Kept(b"", limit)

    def of(self, generation: bytes) -> Kept:
        """Return what is kept of a generation, nothing yet if it is another one."""
        kept = self.newest
        if kept.generation != generation:
            kept = self.newest = Kept(generation, self._limit)
        return kept
