"""A bound on how many threads of this process are in a block at once."""

from __future__ import annotations

import os
from threading import BoundedSemaphore
from types import TracebackType


class ConcurrencyLimit:
    """Lets so many threads at once into a block, and the others wait.

    A forked process starts with none inside: the threads of its parent are not here.

    Args:
        most: how many; None for no bound.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._places = None if self._most is None else BoundedSemaphore(self._most)

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self._begin()
        if self._places is not None:
            self._places.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._places is not None:
            self._places.release()
