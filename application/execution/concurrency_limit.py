"""A bound on how many threads of this process are in a block at once."""

from __future__ import annotations

import os
from threading import BoundedSemaphore
from types import TracebackType

from addressee.domain import StoreUnavailable

PATIENCE = 10.0


class ConcurrencyLimit:
    """Lets so many threads at once into a block; the others wait for a while.

    A forked process starts with none inside: the threads of its parent are not here.

    Args:
        most: how many; None for no bound.
        patience: how long a thread waits, in seconds.
    """

    def __init__(self, most: int | None, patience: float = PATIENCE) -> None:
        self._most = most
        self._patience = patience
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._places = None if self._most is None else BoundedSemaphore(self._most)

    def __enter__(self) -> None:
        """Enter the block; raises StoreUnavailable if it stays full."""
        if self._process != os.getpid():
            self._begin()
        if self._places is not None and not self._places.acquire(timeout=self._patience):
            raise StoreUnavailable(
                f"{self._most} transactions run, and none ended within {self._patience:g} seconds"
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._places is not None:
            self._places.release()
