"""What is known of a database as long as it goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class ByEpoch(Generic[V]):
    """Keeps what was read in the newest epoch of a database; the next one begins with nothing.

    A database that loses commits, as by a failover, is in a new epoch: positions, versions and
    numbers are given again for something else. Who still reads an older epoch gets something of
    its own, which nobody keeps.

    Any number of threads may share one, without a lock: of two that begin an epoch at the same
    time, one reads again what it has read.

    Args:
        make: makes what is kept, with nothing in it.
    """

    def __init__(self, make: Callable[[], V]) -> None:
        self._make = make
        self._kept = (0, make())

    @property
    def newest(self) -> V:
        """What is kept of the newest epoch."""
        return self._kept[1]

    def at(self, epoch: int) -> V:
        """Return what is kept of an epoch.

        Args:
            epoch: its number, which ascends; 0 where epochs are not told, for the newest.
        """
        newest, kept = self._kept
        if epoch in (newest, 0):
            return kept
        made = self._make()
        if epoch > newest:
            self._kept = (epoch, made)
        return made


def told_epoch(view: object) -> int:
    """Return the epoch of a view or a store; 0 where its adapter tells none."""
    found: int = getattr(view, "epoch", 0)
    return found
