"""A cache for audiences as of a past moment: reading the past is expensive."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from addressee.application import (
    Applications,
    AsOf,
    Horizon,
    Moment,
    Past,
    SealedStore,
    Store,
    Targeting,
)
from addressee.application.caching.bounded_cache import BoundedCache
from addressee.application.caching.by_epoch import told_epoch

from ..messages.error_responses import UNAVAILABLE, Refused

AT_ONCE = 2
"""Most applications that read the past at once."""
FEW = 100_000
"""Up to so many events are read for each query, without a turn, where nothing has to be folded."""
PATIENCE = 10.0
"""Longest time to wait for others that read the past, in seconds."""


class AsOfCache:
    """Caches the last past moment of an application, which reads one past at a time.

    Args:
        store: the store to read.
        limit: most bytes of moments in memory, one of each application; one above it is read for
            each query.
        applications: the mobile apps whose limits count; by default those of the store.
    """

    def __init__(self, store: Store, limit: int, applications: Applications | None = None) -> None:
        self._store = store
        self._applications = applications
        self._present = Targeting(store, applications=applications)
        self._lock = Lock()
        self._reading: set[str] = set()
        self._turns = BoundedSemaphore(AT_ONCE)
        self._cached = BoundedCache[str, tuple[tuple[Moment, int, int], Past]](limit)
        self._sealed = store if isinstance(store, SealedStore) else None

    def targeting(self, moment: Moment | None, application: str) -> Targeting:
        """Return the audiences of a moment, the present if it is None.

        Lookups in the past take no turn; what needs the ledger folded does, when it is asked.

        Args:
            moment: a time with its zone, or a position in the ledger.
            application: code of the caller's application.

        Raises:
            InvalidValue, StoreUnavailable: as `Past` does. Its calls also raise Refused: another
                request of the application reads the past, or too many others do.
        """
        if moment is None:
            return self._present

        def fold(horizon: Horizon) -> Past:
            return self._folded(moment, application, horizon)

        past = AsOf(self._store, moment, fold, most=FEW)
        return Targeting(past, applications=self._applications)

    def _folded(self, moment: Moment, application: str, horizon: Horizon) -> Past:
        with self._turn(application):
            # A past that was read before an erasure still has the person's data, and one from
            # before a failover what was lost by it.
            keys = None if self._sealed is None else self._sealed.keys
            epoch = told_epoch(self._store)
            read = moment, 0 if keys is None else keys.destroyed(), epoch
            cached = self._cached.get(application)
            if cached is not None and cached[0] == read:
                return cached[1]
            self._cached.drop(application)  # two would take twice the memory
            past = Past(self._store, moment, horizon=horizon)
            if past.over and told_epoch(self._store) == epoch:
                self._cached.put(application, (read, past), past.size())
            return past

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
