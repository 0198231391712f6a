"""Runs that erase what has fallen due, persons and installations (R54)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar

from addressee.domain import (
    AddresseeError,
    KeyMissing,
    StoreDamaged,
    StoreError,
    StoreUnavailable,
)

from ...ports.keys import SealedStore
from ...ports.records import Trace
from .ledger_search import UNDER_WAY, Search, Wanted, moments, note_begin, note_end

OF_ONE = (KeyMissing, StoreDamaged)
"""Errors of a store that may come of the events of one alone."""
E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class Erases(Protocol[E_co]):
    """Erases persons, or installations.

    Attributes:
        store: from where.
        wanted: the events by which one may fall due.
    """

    store: SealedStore
    wanted: Wanted

    def due(self, names: AbstractSet[str], before: Mapping[str, datetime]) -> Sequence[str]:
        """Return those of some that are due, as applications have it, or half erased.

        Args:
            names: their ids.
            before: application → the moment since which they must be so.
        """
        ...

    def erasures(self, names: Sequence[str], now: datetime, *, dry_run: bool) -> Iterator[E_co]:
        """Erase those that are `due` one after the other, or only tell."""
        ...


class Run(NamedTuple):
    """How a run goes.

    Args:
        now: the time to judge by.
        progress: called after each page with its last position, and the ledger's.
        dry_run: only tell.
    """

    now: datetime
    progress: Callable[[int, int], object]
    dry_run: bool


class Sweep(Generic[E]):
    """Erases, in one run, what falls due of one kind.

    Args:
        eraser: erases one.
        times: application → time after which it erases.
        run: how.

    Attributes:
        store: from where.
        failed: whose erasures failed; whoever they are, the others are erased.
        codes: of the errors.
    """

    def __init__(self, eraser: Erases[E], times: Mapping[str, timedelta], run: Run) -> None:
        self._eraser, self._times, self._run = eraser, times, run
        self.store = eraser.store
        self.failed = set[str]()
        self.codes = set[str]()

    def half(self, page: Sequence[Trace]) -> Iterator[E]:
        """Yield the erasures of those whom another run has left half erased.

        Args:
            page: the events that it was at.
        """
        return self._erased(self._eraser.due(self._eraser.wanted.names_in(page), {}))

    def due(self) -> Iterator[E]:
        """Yield the erasures of those who are due; one may come twice where nothing is erased.

        Times that change meanwhile count at once, in each erasure's transaction, and end the run.
        """
        eraser, times, dry_run = self._eraser, self._times, self._run.dry_run
        before, last = moments(times, self._run.now), eraser.store.settled()
        for time in sorted({*times.values()}):
            search = Search(eraser.store, eraser.wanted, times, time, self._run.now)
            for after, position, found in search.pages(last):
                names = eraser.due(found, before)
                page = note_begin(eraser.store, after) if names and not dry_run else None
                yield from self._erased(names)
                left = frozenset(names) - self.failed
                if left and not dry_run and eraser.due(left, before):
                    return  # the times are others by now; were it noted, these would be passed over
                if page is not None and self.failed.isdisjoint(names):
                    note_end(eraser.store, page)
                if not (dry_run or self.failed):
                    search.note(position)
                self._run.progress(position, last)

    def _erased(self, names: Sequence[str]) -> Iterator[E]:
        """Yield the erasures of some, one after the other, and note those that fail.

        Raises:
            StoreError: one that would come of all, as where the store can't be reached.
        """
        for name in names:
            try:
                yield from self._eraser.erasures([name], self._run.now, dry_run=self._run.dry_run)
            except AddresseeError as error:
                if isinstance(error, StoreError) and not isinstance(error, OF_ONE):
                    raise
                self.failed.add(name)
                self.codes.add(error.code)


def swept(sweeps: Sequence[Sweep[E]], half: Sequence[Trace], *, dry_run: bool) -> Iterator[E]:
    """Yield what is erased, first what another run has left half erased.

    Args:
        sweeps: one for each kind.
        half: the events of pages that other runs have not ended.
        dry_run: only tell.

    Raises:
        StoreUnavailable: at the end: some erasures failed, and all others were made.
    """
    for sweep in sweeps:
        yield from sweep.half(half)
    if half and not dry_run and not any(sweep.failed for sweep in sweeps):
        for place in UNDER_WAY:
            note_end(sweeps[0].store, place)
    for sweep in sweeps:
        yield from sweep.due()
    if failed := sum(len(sweep.failed) for sweep in sweeps):
        codes = ", ".join(sorted({code for sweep in sweeps for code in sweep.codes}))
        raise StoreUnavailable(
            f"{failed} erasures failed ({codes}), and are tried again by the next run; all others"
            " were made"
        )
