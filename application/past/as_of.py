"""A store as it was: its ledger is folded only where there is no shorter way.

A query about one person or one installation needs no more than their own streams. So it takes some
reads, however long the ledger is. At a position other queries start from the present and take back
what has changed since, unless that is much. Both give what the fold would give.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from addressee.domain import IdentifierClaim, Installation, installation_terms
from addressee.domain.audiences.index_terms import flags_of
from addressee.domain.events import name_in, stream_of

from ..ports.records import LARGEST_POSITION, Found, Lookup, Recipient
from ..ports.store import Viewable
from ..ports.views import View
from .erased import erased_of
from .folded import Horizon, Moment, Past, horizon_of
from .later_changes import LaterChanges
from .streams import PastStreams, devices_of, owners_in
from .taken_back import TakenBack

SHARE = 4
"""Up to which part of the ledger is taken back; to fold the rest is faster if more has changed."""


class AsOf:
    """Answers as a store would have answered at a moment (R35).

    Lookups are answered from streams, and others at a position by taking back; else the ledger is
    folded, once.

    Args:
        store: whose past.
        moment: as for `Past`.
        fold: folds the ledger up to the moment, in which the events of a horizon count.
        most: how many events at most are taken back.

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
        self._horizon = horizon_of(store, moment)
        self._moment = moment
        self._fold = fold
        self._lock = Lock()
        self._past: Past | None = None
        self._later = LaterChanges(self._horizon, self.indexed_attributes)
        settled, last = self._horizon.settled, self._horizon.last
        later = 0 if last is None else settled - last
        # Chosen once, for a view of the fold has other ordinals.
        self._takes_back = last is not None and later <= most and later * SHARE <= settled

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
        if not self._takes_back:
            yield self.past
            return
        settled = self._store.settled()
        with self._store.reading() as view:
            streams = PastStreams(view, self._horizon)
            end = streams.end()
            with self._lock:
                if streams.exact:
                    self._later.follow(view, end, settled)
                else:
                    self._takes_back = False
            yield TakenBack(view, self._horizon, self._later, end) if streams.exact else self.past

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
                claim = IdentifierClaim(name_in(lookup.name))
                owner = claim.fold(streams.events(claim.id)).holder
                owner = None if erased_of(view, [owner]) else owner
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
