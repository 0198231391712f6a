"""Events that have become old enough, each read once for all runs (R54)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import takewhile
from typing import NamedTuple

from addressee.domain import Event, StoreUnavailable
from addressee.domain.events import Category, category_of, name_in
from addressee.domain.times import ago

from ...past.ledger_range import traces
from ...ports.keys import SealedStore
from ...ports.records import LARGEST_POSITION, Trace
from ...ports.store import Store

PAGE = 500
"""How many events are read at once, and after how many the position is noted."""
AHEAD = timedelta(days=1)
"""No clock that is right gives an event a time so far ahead; for others a search does not wait."""
UNDER_WAY = [f"retention under way{number}" for number in ("", *range(1, 16))]
"""Where a run notes the page with what it erases. A page stays noted where an erasure failed,
since that may be half done; while all of these are, no run begins another page."""


class Wanted(NamedTuple):
    """The events by which something may fall due.

    Args:
        category: of the streams that they are looked for on.
        events: their types.
    """

    category: Category
    events: AbstractSet[type[Event]]

    def names_in(self, page: Iterable[Trace]) -> AbstractSet[str]:
        """Return the names of the streams on which some events are such."""
        topics = {event.TOPIC for event in self.events}
        return {
            name_in(stream)
            for _, stream, _, topic, _ in page
            if topic in topics and category_of(stream) == self.category
        }


class Search:
    """Reads the ledger up to where events are too late, once for all runs.

    Whoever falls due does so by an event, once it is old enough. So it is enough to look, at each
    such event, whether it still holds then; whoever has come back is met again at the next one.

    Args:
        store: where the ledger is.
        wanted: the events.
        times: application → time after which is erased; as long as they are the same, a run goes on
            where the one before has ended.
        time: which of them: events are taken once they are so old.
        now: the time to judge by.
    """

    def __init__(
        self,
        store: SealedStore,
        wanted: Wanted,
        times: Mapping[str, timedelta],
        time: timedelta,
        now: datetime,
    ) -> None:
        self._store = store
        self._wanted = wanted
        self._until, self._latest = ago(now, time), now + AHEAD
        told = {code: length.total_seconds() for code, length in times.items()}
        kind = json.dumps([wanted.category, told, time.total_seconds()], sort_keys=True).encode()
        self._name = f"retention {sha256(kind).hexdigest()[:16]}"

    def pages(self, settled: int) -> Iterator[tuple[int, int, AbstractSet[str]]]:
        """Yield of each page of events the position before it, its last one, and whom it concerns.

        Args:
            settled: the last position that counts.
        """
        position = self._store.searched(self._name)
        while page := self._page(position, settled):
            passed = [*takewhile(self._passes, page)]
            # Up to an event that is old: where the clock of this run is behind, all others pass.
            ends = max((n for n, trace in enumerate(passed, 1) if self._is_old(trace)), default=0)
            if old := passed[:ends]:
                yield position, old[-1][0], self._wanted.names_in(old)
            if len(passed) < len(page):
                return
            position = page[-1][0]

    def note(self, position: int) -> None:
        """Have later runs begin after a position."""
        self._store.note_searched(self._name, position)

    def _page(self, after: int, settled: int) -> Sequence[Trace]:
        with self._store.reading() as view:
            return traces(view, after, settled, limit=PAGE)

    def _passes(self, trace: Trace) -> bool:
        """Whether an event is old, or of a clock that was wrong, which holds nobody up."""
        return self._is_old(trace) or trace[-1] > self._latest

    def _is_old(self, trace: Trace) -> bool:
        return trace[-1] <= self._until


def moments(times: Mapping[str, timedelta], now: datetime) -> Mapping[str, datetime]:
    """Return application → the moment since which what is to be erased must be as it is.

    Args:
        times: application → time after which is erased.
        now: the time to judge by.
    """
    return {code: ago(now, time) for code, time in times.items()}


def note_begin(store: SealedStore, after: int) -> str:
    """Note the page with what is about to be erased; return where it is noted.

    Args:
        store: whose.
        after: the position before the page.

    Raises:
        StoreUnavailable: so many pages are noted that no other one can be.
    """
    noted = {place: store.searched(place) for place in UNDER_WAY}
    for place, begun in noted.items():
        if begun == after + 1:
            return place
    for place, begun in noted.items():
        if not begun:
            store.note_searched(place, after + 1)
            return place
    raise StoreUnavailable(
        f"erasures on {len(noted)} pages of the ledger have failed; no others begin"
    )


def note_end(store: SealedStore, place: str) -> None:
    """Note that all of it is."""
    if store.searched(place):
        store.note_searched(place, 0)


def under_way(store: Store) -> Sequence[Trace]:
    """Return the events of pages that a run has not ended, whatever the times are by now."""
    if not isinstance(store, SealedStore):
        return ()
    found: list[Trace] = []
    for begun in filter(None, map(store.searched, UNDER_WAY)):
        with store.reading() as view:
            found += traces(view, begun - 1, LARGEST_POSITION, limit=PAGE)
    return found
