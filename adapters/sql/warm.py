"""What was decoded of the index, kept for the next question."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any

IDS = 1 << 19
"""Of how many installations, the oldest, ids are kept: about 50 MB of Python's memory."""


class Warm:
    """Values that hold for one generation of chunks; when it is over, all of them go.

    A generation ends when chunks are written, in the transaction that writes them, and a reader
    asks which one it sees. So what is kept is exact at once, whichever process wrote (R19).

    Args:
        limit: how many bytes are kept, as `put` is told them; then the oldest goes first.

    Attributes:
        generation: whose values are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self.generation = b""
        self._values: dict[Hashable, tuple[Any, int]] = {}
        self._size = 0
        self._ids: list[str | None] = []

    def enter(self, generation: bytes) -> None:
        """Forget what is kept of any other generation."""
        if generation != self.generation:
            with self._lock:
                self.generation, self._values, self._size = generation, {}, 0
                self._ids = []

    def get(self, generation: bytes, key: Hashable) -> Any:  # noqa: ANN401 # the caller knows what it put
        """Return what is kept under a key, or None."""
        values = self._values  # before the question: `enter` may replace it
        found = values.get(key) if generation == self.generation else None
        return None if found is None else found[0]

    def ids(self, generation: bytes, last: int) -> list[str | None] | None:
        """Return ordinal → id, to be filled by whoever misses one; None if none are kept.

        Args:
            generation: as the reader sees it.
            last: the highest ordinal that is needed.
        """
        ids = self._ids
        if last >= IDS or generation != self.generation:
            return None
        with self._lock:
            ids += [None] * (last + 1 - len(ids))
        return ids

    def put(self, generation: bytes, key: Hashable, value: object, size: int) -> None:
        """Keep a value that nobody changes any more, of about so many bytes."""
        with self._lock:
            if generation != self.generation or key in self._values:
                return
            self._values[key] = value, size
            self._size += size
            while self._size > self._limit:
                oldest = next(iter(self._values))
                self._size -= self._values.pop(oldest)[1]
