"""Questions about the past over HTTP: looking back is dear, so it is done once a moment."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

from addressee.application import Moment, Past, Store, Targeting

from ..messages.error_responses import UNAVAILABLE, Refused
from .history import aware


class Pasts:
    """Keeps the past that was asked for last, and looks back for one request at a time.

    Args:
        store: whose past.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._now = Targeting(store)
        self._busy = Lock()
        self._kept: tuple[Moment, Targeting] | None = None

    def reach(self, moment: Moment | None) -> Targeting:
        """Return what answers for a moment; now, if it is None.

        Raises:
            Refused: another request is looking back.
            InvalidValue, StoreUnavailable, StoreDamaged: as `Past` does.
        """
        if moment is None:
            return self._now
        then = aware(moment) if isinstance(moment, datetime) else moment
        if not self._busy.acquire(blocking=False):
            raise Refused(UNAVAILABLE, "LOOKING_BACK", "another past is being looked up; try again")
        try:
            if self._kept is None or self._kept[0] != then:
                self._kept = None  # two would need twice the memory
                past = Past(self._store, then)
                if not past.over:
                    return Targeting(past)
                self._kept = then, Targeting(past)
            return self._kept[1]
        finally:
            self._busy.release()
