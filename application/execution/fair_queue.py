"""A queue in which no share of its users waits for more than one turn of each other share."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First in, first out within a share; shares take turns. Its user brings the lock.

    Rule: round robin (J. Nagle, "On packet switches with infinite storage", RFC 970, 1985).
    """

    def __init__(self) -> None:
        self._queues = OrderedDict[Hashable, deque[T]]()

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def put(self, share: Hashable, item: T) -> None:
        """Add an item behind the others of its share."""
        self._queues.setdefault(share, deque()).append(item)

    def put_back(self, share: Hashable, item: T) -> None:
        """Undo the last `take`: the item, and its share, are next again."""
        self._queues.setdefault(share, deque()).appendleft(item)
        self._queues.move_to_end(share, last=False)

    def take(self) -> T | None:
        """Remove and return the next item of the share whose turn it is; None if there is none."""
        for share in self._queues:
            queue = self._queues.pop(share)
            item = queue.popleft()
            if queue:
                self._queues[share] = queue  # behind all other shares
            return item
        return None

    def remove(self, share: Hashable, item: T) -> bool:
        """Remove an item and return True; return False where it was taken before."""
        queue = self._queues.get(share, deque())
        if item not in queue:
            return False
        queue.remove(item)
        if not queue:
            del self._queues[share]
        return True
