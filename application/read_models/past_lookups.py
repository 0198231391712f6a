"""A store as it was, for queries that need little of it: its ledger is folded only for others.

A query about one person or one installation needs no more than their own streams. So it takes some
reads, however long the ledger is, and gives what the fold would give.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from addressee.domain import IdentifierClaim, Installation, Person, installation_terms
from addressee.domain.audiences.index_terms import flags_of
from addressee.domain.events import name_in, stream_of

from ..ports.records import Found, Lookup, Recipient
from ..ports.store import Viewable
from .as_of import Horizon, Moment, Past, horizon_of
from .past_streams import PastStreams


class AsOf:
    """Answers as a store would have answered at a moment (R35).

    Lookups are answered from streams; for everything else the ledger is folded, once.

    Args:
        store: whose past.
        moment: as for `Past`.
        fold: folds the ledger up to the moment, in which the events of a horizon count.

    Raises:
        InvalidValue, StoreUnavailable: as `Past` does.
    """

    def __init__(
        self, store: Viewable, moment: Moment, fold: Callable[[Horizon], Past] | None = None
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
    def reading(self) -> Generator[Past]:
        """Open a view; all are the same, since the past does not change."""
        yield self.past

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
            names, owner = [lookup.name], None
            if lookup.by == "claim":
                claim = IdentifierClaim(name_in(lookup.name))
                owner = claim.fold(streams.events(claim.id)).holder
                names = devices_of(streams, owner, lookup.application)
            found = [*found_in(streams, names, owner, lookup)]
            if not streams.exact:
                return None
        return sorted(found)[: lookup.limit]


def devices_of(streams: PastStreams, owner: str | None, application: str) -> list[str]:
    """Return a person's installations in an application."""
    if owner is None:
        return []
    person = Person(owner)
    devices = person.fold(streams.events(person.id)).devices
    return [name for name, where in devices.items() if where == application]


def found_in(
    streams: PastStreams, names: Sequence[str], owner: str | None, lookup: Lookup
) -> Iterator[Found]:
    """Yield the installations among some that a lookup finds; of an owner, if one is given."""
    streams.read(stream_of(Installation.CATEGORY, name) for name in names)
    for name in names:
        installation = Installation(name)
        recorded = streams.recorded(installation.id)
        installation.fold(event for _, event in recorded)
        if not recorded or installation.application != lookup.application:
            continue
        flags = flags_of(installation_terms(installation, frozenset()))
        ordinal = recorded[0].position
        if (
            flags & lookup.flags != lookup.flags
            or ordinal < lookup.first
            or owner not in (None, installation.person)
        ):
            continue
        recipient = None
        if lookup.addresses and (address := installation.address) is not None:
            recipient = Recipient(ordinal, name, installation.person, *address)
        yield Found(ordinal, name, recipient)
