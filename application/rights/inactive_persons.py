"""Persons who have had no installation for long, found where the ledger says since when (R54)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import takewhile
from typing import TYPE_CHECKING

from addressee.domain import (
    AddresseeError,
    DeviceDepersonalized,
    Event,
    KeyMissing,
    Person,
    PersonsUnmerged,
    Retention,
    StoreDamaged,
    StoreError,
    StoreUnavailable,
)
from addressee.domain.events import name_in, stream_of
from addressee.domain.times import ago

from ..past.ledger_range import traces
from ..ports.keys import SealedStore
from ..ports.records import LARGEST_POSITION, Recorded, Trace

if TYPE_CHECKING:
    from .erasure import Eraser, Erasure

PAGE = 500
"""How many events are read at once, and after how many the position is noted."""
AHEAD = timedelta(days=1)
"""No clock that is right gives an event a time so far ahead; for others a search does not wait."""
UNDER_WAY = [f"retention under way{number}" for number in ("", *range(1, 16))]
"""Where a run notes the page whose persons it erases. A page stays noted where an erasure failed,
since its person may be half erased; while all of these are, no run begins another page."""
OF_ONE = (KeyMissing, StoreDamaged)
"""Errors of a store that may come of one person's events alone."""
OF_PERSONS = stream_of(Person.CATEGORY, "")
LEAVING: AbstractSet[type[Event]] = frozenset({DeviceDepersonalized, PersonsUnmerged})
"""The events after which a person may have no installation."""
TOPICS = frozenset(event.TOPIC for event in LEAVING)


class Search:
    """Reads the ledger up to where events are too late, once for all runs.

    Whoever has no installation has lost the last one by an event. So it is enough to look, at each
    such event, once it is old enough, whether the person is still without; whoever has come back
    is met again at the next one.

    Args:
        store: where the ledger is.
        times: application → time after which persons are erased; as long as they are the same, a
            run goes on where the one before has ended.
        time: which of them: events are taken once they are so old.
        now: the time to judge by.
    """

    def __init__(
        self,
        store: SealedStore,
        times: Mapping[str, timedelta],
        time: timedelta,
        now: datetime,
    ) -> None:
        self._store = store
        self._until, self._latest = ago(now, time), now + AHEAD
        told = {code: length.total_seconds() for code, length in times.items()}
        policies = json.dumps([told, time.total_seconds()], sort_keys=True).encode()
        self._name = f"retention {sha256(policies).hexdigest()[:16]}"

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
                yield position, old[-1][0], persons_in(old)
            if len(passed) < len(page):
                return
            position = page[-1][0]

    def note(self, position: int) -> None:
        """Have later runs begin after a position."""
        self._store.note_searched(self._name, position)

    def _page(self, after: int, settled: int) -> Sequence[Trace]:
        with self._store.reading() as view:
            return traces(view, after, settled, timed=True, limit=PAGE)

    def _passes(self, trace: Trace) -> bool:
        """Whether an event is old, or of a clock that was wrong, which holds nobody up."""
        time = trace[-1]
        return self._is_old(trace) or (time is not None and time > self._latest)

    def _is_old(self, trace: Trace) -> bool:
        time = trace[-1]
        return time is not None and time <= self._until


class Failures:
    """Erasures of one run that failed; whoever they are of, the others are erased.

    Attributes:
        persons: whose they were.
    """

    def __init__(self) -> None:
        self.persons: set[str] = set()
        self._codes: set[str] = set()

    def guarded(
        self, names: Sequence[str], erase: Callable[[Sequence[str]], Iterator[Erasure]]
    ) -> Iterator[Erasure]:
        """Yield the erasures of persons, one after the other, and note those that fail.

        Args:
            names: whose.
            erase: erases some.

        Raises:
            StoreError: one that would come of all, as where the store can't be reached.
        """
        for name in names:
            try:
                yield from erase([name])
            except AddresseeError as error:
                if isinstance(error, StoreError) and not isinstance(error, OF_ONE):
                    raise
                self.persons.add(name)
                self._codes.add(error.code)

    def check(self) -> None:
        """Raise StoreUnavailable if there are any."""
        if self.persons:
            codes = ", ".join(sorted(self._codes))
            raise StoreUnavailable(
                f"erasures of {len(self.persons)} persons failed ({codes}), and are tried again by"
                " the next run; all others were made"
            )


def swept(  # noqa: PLR0913 # what `Rights.erase_inactive` has found out
    eraser: Eraser,
    half: AbstractSet[str],
    times: Mapping[str, timedelta],
    now: datetime,
    progress: Callable[[int, int], object],
    *,
    dry_run: bool,
) -> Iterator[Erasure]:
    """Yield what is erased, first of those whom another run has left half erased.

    Times that change meanwhile count at once, in each erasure's transaction, and end the run.

    A person may come twice where nothing is erased.

    Args:
        eraser: erases one.
        half: persons of whom that may be.
        times: application → time after which persons are erased.
        now: the time to judge by.
        progress: called after each page with its last position, and the ledger's.
        dry_run: only tell.

    Raises:
        StoreUnavailable: at the end: some erasures failed, and those of all others were made.
    """
    store, failures = eraser.store, Failures()

    def erased(names: Sequence[str]) -> Iterator[Erasure]:
        return failures.guarded(names, partial(eraser.erasures, now=now, dry_run=dry_run))

    yield from erased(eraser.due(half, {}))
    if half and not dry_run and not failures.persons:
        for place in UNDER_WAY:
            note_end(store, place)
    before, last = moments(times, now), store.settled()
    for search in searches(store, times, now):
        for after, position, persons in search.pages(last):
            names = eraser.due(persons, before)
            page = note_begin(store, after) if names and not dry_run else None
            yield from erased(names)
            left = frozenset(names) - failures.persons
            if left and not dry_run and eraser.due(left, before):
                return  # the times are others by now; were it noted, these would be passed over
            if page is not None and failures.persons.isdisjoint(names):
                note_end(store, page)
            if not (dry_run or failures.persons):
                search.note(position)
            progress(position, last)
    failures.check()


def searches(store: SealedStore, times: Mapping[str, timedelta], now: datetime) -> Iterator[Search]:
    """Yield a search for each of the times that applications have; arguments as of `Search`."""
    return (Search(store, times, time, now) for time in sorted({*times.values()}))


def erasure_times(retentions: Mapping[str, Retention]) -> Mapping[str, timedelta]:
    """Return application → time after which persons are erased, of those that have one."""
    times = {code: kept.erase_after for code, kept in retentions.items()}
    return {code: time for code, time in times.items() if time is not None}


def moments(times: Mapping[str, timedelta], now: datetime) -> Mapping[str, datetime]:
    """Return application → the moment before which a person must have left.

    Args:
        times: application → time after which persons are erased.
        now: the time to judge by.
    """
    return {code: ago(now, time) for code, time in times.items()}


def persons_in(page: Iterable[Trace]) -> AbstractSet[str]:
    """Return the ids of the persons who may have no installation after some of the events."""
    return {
        name_in(stream)
        for _, stream, _, topic, _ in page
        if topic in TOPICS and stream.startswith(OF_PERSONS)
    }


def note_begin(store: SealedStore, after: int) -> str:
    """Note the page of which persons are about to be erased; return where it is noted.

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
        f"erasures of persons of {len(noted)} pages of the ledger have failed; no others begin"
    )


def note_end(store: SealedStore, place: str) -> None:
    """Note that all of them are."""
    if store.searched(place):
        store.note_searched(place, 0)


def under_way(store: SealedStore) -> AbstractSet[str]:
    """Return the persons of pages that a run has not ended, whatever the times are by now."""
    persons = set[str]()
    for begun in filter(None, map(store.searched, UNDER_WAY)):
        with store.reading() as view:
            page = traces(view, begun - 1, LARGEST_POSITION, timed=False, limit=PAGE)
        persons |= persons_in(page)
    return persons


def is_inactive(seen: Person, recorded: Sequence[Recorded], before: Mapping[str, datetime]) -> bool:
    """Whether a person has had no installation for so long as all applications want it.

    Args:
        seen: the person, with all who are seen as one with the person.
        recorded: the events of all of them.
        before: application → the moment since which that must be so, of those that have a time.
    """
    if seen.devices or not seen.met or not seen.met <= before.keys():
        return False
    since = (event.timestamp for _, event in recorded if type(event) in LEAVING)
    return max(since) <= min(before[code] for code in seen.met)
