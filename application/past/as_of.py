"""A store as it was: its ledger is folded only where there is no shorter way.

A query about one person or one installation needs no more than their own streams. So it takes some
reads, however long the ledger is. Other queries start from a state of the index near the moment and
take back what has changed between the two, unless that is much. Both give what the fold would give.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from addressee.domain import Installation, installation_terms
from addressee.domain.audiences.index_terms import flags_of
from addressee.domain.events import stream_of

from ..ports.records import LARGEST_POSITION, Found, Lookup, Recipient, TimeSpan
from ..ports.store import TimedStore, Viewable
from ..ports.transaction_views import View
from .erased import holders_of
from .ledger_range import Extent, extent_until
from .past_terms import PastTerms, forgotten_at, nearby
from .past_view_by_folding import Horizon, Moment, Past, horizon_of
from .past_view_from_present import TakenBack
from .streams import PastStreams, devices_of, owners_in

SHARE = 4
"""Up to which part of the ledger is read to find what changed; to fold is faster if it is more."""
FEW = 50_000
"""So many events are read in any case,"""
SHORT = 1_000
"""unless the whole ledger has no more than these."""


class AsOf:
    """Answers as a store would have answered at a moment (R35).

    Lookups are answered from streams, and others by a state of the index and what differs from it;
    where that is much or nobody knows how much it is, the ledger is folded, once.

    Args:
        store: whose past.
        moment: as for `Past`.
        fold: folds the ledger up to the moment, in which the events of a horizon count.
        most: how many events, and installations that had terms by data that was erased later, are
            read at most to find what differs.

    Raises:
        InvalidValue, StoreUnavailable: as `Past` does.
    """

    def __init__(
        self,
        store: Viewable,
        moment: Moment,
        fold: Callable[[Horizon], Past] | None = None,
        *,
        most: int = LARGEST_POSITION,
    ) -> None:
        self.identifier_key = store.identifier_key
        self.indexed_attributes = store.indexed_attributes
        self.applications = store.applications
        self._store = store
        self._horizon = self._counted = horizon_of(store, moment)
        self._moment = moment
        self._fold = fold
        self._lock = Lock()
        self._past: Past | None = None
        self._most = most
        self._terms: PastTerms | None = None
        # Chosen once, for a view of the fold has other ordinals.
        self._folds: bool | None = None

    @property
    def past(self) -> Past:
        """The folded ledger; it is folded when it is first asked for."""
        with self._lock:
            if self._past is None:
                horizon = self._horizon
                self._past = (
                    Past(self._store, self._moment, horizon=horizon)
                    if self._fold is None
                    else self._fold(horizon)
                )
            return self._past

    @contextmanager
    def reading(self) -> Generator[View]:
        """Open a view; all show the same, since the past does not change."""
        if not self._folds:
            settled, spans = self._store.settled(), self._spans()
            with self._store.reading() as view:
                if (terms := self._found(view, settled, spans)) is not None:
                    with self._lock:
                        taken = TakenBack(view, self._counted, terms, settled)
                    yield taken
                    return
        yield self.past

    def _spans(self) -> Sequence[TimeSpan]:
        """Return the times of the ledger, as long as they are needed and if they are known."""
        if self._folds is None and self._horizon.time and isinstance(self._store, TimedStore):
            return self._store.times(self._horizon.settled)
        return ()

    def _found(self, view: View, settled: int, spans: Sequence[TimeSpan]) -> PastTerms | None:
        """Return how terms are found without a fold, the same at each call; None if not at all."""
        with self._lock:
            if self._folds is None:
                self._terms = self._chosen(view, settled, spans)
                self._folds = self._terms is None
            return self._terms

    def _chosen(self, view: View, settled: int, spans: Sequence[TimeSpan]) -> PastTerms | None:
        """Return the same for the first time; None where a fold is faster."""
        counted, extent = self._horizon, None
        if counted.time is None:
            streams = PastStreams(view, counted)
            end = streams.end()
            if streams.exact:
                counted, extent = counted._replace(last=end), Extent(end)
        elif spans or not counted.settled:
            extent = extent_until(counted.time, counted, spans, view)
        if extent is None:
            return None
        marks = nearby(view, extent, settled)
        length = sum(extent.length(mark, settled) for mark in marks)
        length += len(forgotten_at(view, marks[0]))  # their streams are read
        much = length * SHARE > settled and (length > FEW or settled <= SHORT)
        if much or length > self._most:
            return None
        self._counted = counted
        return PastTerms(counted, extent, self.indexed_attributes)

    def settled(self) -> int:
        """Return the position of the last event that counts."""
        return self.past.settled()

    def find(self, lookup: Lookup) -> Sequence[Found] | None:
        """Return what a lookup finds; the ordinal is the position of the registration.

        None where only the fold can tell: near the position there are too many sign-ins of which
        half is there.
        """
        with self._store.reading() as view:
            streams = PastStreams(view, self._horizon)
            names = [lookup.name]
            if lookup.by == "claim":
                recorded = {lookup.name: streams.of_claim(lookup.name)}
                owner = holders_of(view, recorded).get(lookup.name)
                names = devices_of(streams, owner, lookup.application)
            found = [*found_in(streams, names, lookup)]
            if not streams.exact:
                return None
        return sorted(found)[: lookup.limit]


def found_in(streams: PastStreams, names: Sequence[str], lookup: Lookup) -> Iterator[Found]:
    """Yield the installations among some that a lookup finds."""
    streams.read(stream_of(Installation.CATEGORY, name) for name in names)
    installations = [Installation(name) for name in names]
    for installation in installations:
        installation.fold(streams.events(installation.id))
    owners = owners_in(streams, installations) if lookup.addresses else {}
    for installation in installations:
        name, recorded = installation.name, streams.recorded(installation.id)
        if not recorded or installation.application != lookup.application:
            continue
        flags = flags_of(installation_terms(installation, frozenset()))
        ordinal = recorded[0].position
        if flags & lookup.flags != lookup.flags or ordinal < lookup.first:
            continue
        recipient = None
        if lookup.addresses and (address := installation.address) is not None:
            recipient = Recipient(ordinal, name, owners[name], *address)
        yield Found(ordinal, name, recipient)
