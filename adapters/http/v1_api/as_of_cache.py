"""A cache for audiences as of a past moment: reading the past is expensive."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from addressee.application import Moment, Past, Store, Targeting

from ..messages.error_responses import UNAVAILABLE, Refused

MOMENTS = 4
"""Most past moments in memory, one of each application."""
AT_ONCE = 2
"""Most applications that read the past at once."""
PATIENCE = 10.0
"""Longest time to wait for others that read the past, in seconds."""


class AsOfCache:
    """Caches the last past moment of an application, which reads one past at a time.

    Args:
        store: the store to read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._present = Targeting(store)
        self._lock = Lock()
        self._reading: set[str] = set()
        self._turns = BoundedSemaphore(AT_ONCE)
        self._cached: OrderedDict[str, tuple[Moment, Targeting]] = OrderedDict()

    def targeting(self, moment: Moment | None, application: str) -> Targeting:
        """Return the audiences of a moment, the present if it is None.

        Args:
            moment: a time with its zone, or a position in the ledger.
            application: code of the caller's application.

        Raises:
            Refused: another request of the application reads the past, or too many others do.
            InvalidValue, StoreUnavailable, StoreDamaged: as `Past` does.
        """
        if moment is None:
            return self._present
        with self._turn(application):
            cached = self._cached.get(application)
            if cached is not None and cached[0] == moment:
                self._cached.move_to_end(application)
                return cached[1]
            self._cached.pop(application, None)  # two would take twice the memory
            past = Past(self._store, moment)
            found = Targeting(past)
            if past.over:
                with self._lock:
                    self._cached[application] = moment, found
                    while len(self._cached) > MOMENTS:
                        self._cached.popitem(last=False)
            return found

    @contextmanager
    def _turn(self, application: str) -> Generator[None]:
        with self._lock:
            if application in self._reading:
                problem = "another request of the application reads the past; try again"
                raise Refused(UNAVAILABLE, "LOOKING_BACK", problem)
            self._reading.add(application)
        try:
            if not self._turns.acquire(timeout=PATIENCE):
                problem = "requests of others read the past; try again"
                raise Refused(UNAVAILABLE, "LOOKING_BACK", problem)
            try:
                yield
            finally:
                self._turns.release()
        finally:
            with self._lock:
                self._reading.discard(application)
