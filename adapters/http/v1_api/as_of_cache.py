"""A cache for audiences as of a past moment: reading the past is expensive."""

from __future__ import annotations

from threading import Lock

from addressee.application import Moment, Past, Store, Targeting

from ..messages.error_responses import UNAVAILABLE, Refused


class AsOfCache:
    """Caches the last past moment and reads the past for one request at a time.

    Args:
        store: the store to read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._present = Targeting(store)
        self._busy = Lock()
        self._cached: tuple[Moment, Targeting] | None = None

    def targeting(self, moment: Moment | None) -> Targeting:
        """Return the audiences of a moment, the present if it is None.

        Raises:
            Refused: another request reads the past.
            InvalidValue, StoreUnavailable, StoreDamaged: as `Past` does.
        """
        if moment is None:
            return self._present
        if not self._busy.acquire(blocking=False):
            raise Refused(UNAVAILABLE, "LOOKING_BACK", "another request reads the past; try again")
        try:
            if self._cached is None or self._cached[0] != moment:
                self._cached = None  # two would take twice the memory
                past = Past(self._store, moment)
                if not past.over:
                    return Targeting(past)
                self._cached = moment, Targeting(past)
            return self._cached[1]
        finally:
            self._busy.release()
