"""A cache that is bounded by bytes; the least recently used goes first."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable
from contextlib import suppress
from sys import getsizeof
from threading import Lock
from typing import Generic, Protocol, TypeVar, cast

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
OWN = 1_000
"""About how many bytes an object and its entry take besides the texts and containers in it."""
ENTRY = 64
"""About how many bytes a part takes in its container."""
INSIDE = (set, frozenset, tuple, list)
LEAVES = frozenset({str, int, float, bool})


class BoundedCache(Generic[K, V]):
    """Caches values that are never changed again; safe for threads.

    A forked process begins with an empty cache: a thread of the other one may have held the lock.

    Args:
        limit: most bytes of all values, as ``put`` counts them; 0 caches none.

    Attributes:
        size: the bytes of all values now.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._exact_from = limit // 2
        self._begin()

    def _begin(self) -> None:
        """Cache nothing."""
        self.size = 0
        self._lock = Lock()
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._sizes: dict[K, int] = {}
        """Beside the entries: a pair for each would be one more object to search for garbage."""
        self._process = os.getpid()  # last: other threads may be here too

    @property
    def _alone(self) -> Lock:
        """The lock of this process."""
        if self._process != os.getpid():
            self._begin()
        return self._lock

    def get(self, key: K) -> V | None:
        """Return the value of a key, or None."""
        # Without the lock, which costs more than the rest: each of the two calls is atomic.
        found = self._entries.get(key)
        # Nothing has to go soon from a cache that is half empty, so the order need not be exact.
        if found is not None and self.size > self._exact_from:
            with suppress(KeyError):  # another thread has dropped it meanwhile
                self._entries.move_to_end(key)
        return found

    def put(self, key: K, value: V, size: int) -> None:
        """Cache a value in place of the one that the key has, unless it is above the limit.

        Args:
            key: finds it again.
            value: never None.
            size: about how many bytes it takes.
        """
        self.put_all(((key, value, size),))

    def put_all(self, values: Iterable[tuple[K, V, int]]) -> None:
        """Cache several values in turn; key, value and size of each as for `put`."""
        with self._alone:
            for key, value, size in values:
                if key in self._entries:
                    self._drop(key)
                if size > self._limit:
                    continue
                self._entries[key], self._sizes[key] = value, size
                self.size += size
                while self.size > self._limit:
                    oldest, _ = self._entries.popitem(last=False)  # atomic, as a loop is not
                    self.size -= self._sizes.pop(oldest)

    def drop(self, key: K) -> None:
        """Remove the value of a key, if it has one."""
        with self._alone:
            self._drop(key)

    def _drop(self, key: K) -> None:
        if self._entries.pop(key, None) is not None:
            self.size -= self._sizes.pop(key)


class Sized(Protocol):
    """A value that tells what it holds."""

    def contents(self) -> Collection[object]:
        """Return everything in it that there may be much of, or that may be large."""
        ...


def size_of(value: Sized) -> int:
    """Return about how many bytes a value takes in a cache, with what it contains.

    What several values share counts in each.
    """
    return OWN + contained(value.contents())


def contained(parts: Collection[object]) -> int:
    """Return about how many bytes some parts take, with what they contain at any depth."""
    if not parts:
        return 0
    size = sum(map(getsizeof, parts), ENTRY * len(parts))
    if not LEAVES.issuperset(map(type, parts)):
        for part in parts:
            if isinstance(part, dict):
                known = cast("dict[object, object]", part)
                size += contained((*known, *known.values()))
            elif isinstance(part, INSIDE):
                size += contained(cast("Collection[object]", part))
    return size
