"""Read models in memory: what a ledger says, folded into dictionaries and bitmaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import chain

from pyroaring import BitMap

from addressee.domain import Address

from ..caching.bounded_cache import contained
from ..ports.read_model_changes import Changes, InstallationChange
from ..ports.records import InstallationRow, Recipient
from ..ports.transaction_views import SHARD_BITS


class ReadModels:
    """Answers a reader's questions about read models; a ledger is for the classes that inherit.

    What each method gives is said at the ports.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._rows: dict[str, tuple[int, str]] = {}
        self._flags: dict[int, int] = {}
        self._bindings: dict[str, tuple[str, datetime]] = {}
        self._anonymous: dict[str, datetime] = {}
        self._addresses: dict[int, Address] = {}
        self._holders: dict[str, str] = {}
        self._segments: dict[tuple[str, str], str] = {}
        self._owned: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
        self._postings: dict[tuple[str, str], dict[int, BitMap]] = defaultdict(dict)

    def apply(self, changes: Changes) -> None:
        """Bring the read models up to what a transaction, or a page of them, changes."""
        for claim, person in changes.holders.items():
            if person is None:
                self._holders.pop(claim, None)
            else:
                self._holders[claim] = person
        for place, expression in changes.segments.items():
            if expression is None:
                self._segments.pop(place, None)
            else:
                self._segments[place] = expression
        for change in changes.installations:
            self._apply(change)

    def _apply(self, change: InstallationChange) -> None:
        name, application = change.installation, change.application
        if change.new:
            self._rows[name] = len(self._names), application
            self._names.append(name)
        ordinal, _ = self._rows[name]
        if change.moved and name in self._bindings:
            person, _ = self._bindings.pop(name)
            self._owned[application, person].discard(ordinal)
        if change.moved and change.person and change.bound_at:
            self._bindings[name] = change.person, change.bound_at
            self._owned[application, change.person].add(ordinal)
        if change.flags is not None:
            self._flags[ordinal] = change.flags
            if change.anonymous_from is None:
                self._anonymous.pop(name, None)
            else:
                self._anonymous[name] = change.anonymous_from
        if change.readdressed and change.address:
            self._addresses[ordinal] = change.address
        elif change.readdressed:
            self._addresses.pop(ordinal, None)
        shard = ordinal >> SHARD_BITS
        for term in change.gained:
            self._postings[application, term].setdefault(shard, BitMap()).add(ordinal)
        for term in change.lost:
            self._postings[application, term].setdefault(shard, BitMap()).discard(ordinal)

    def bound(self, application: str, claims: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return claim stream → ordinals."""
        held = {claim: self._holders[claim] for claim in claims if claim in self._holders}
        return {claim: self._owned[application, person] for claim, person in held.items()}

    def ordinals(
        self, application: str | None, installations: AbstractSet[str]
    ) -> Mapping[str, int]:
        """Return installation → ordinal."""
        rows = {name: self._rows[name] for name in installations if name in self._rows}
        return {
            name: ordinal for name, (ordinal, where) in rows.items() if application in (None, where)
        }

    def shards(self, application: str, terms: AbstractSet[str]) -> Mapping[str, Mapping[int, int]]:
        """Return term → shard → how many postings."""
        found = {term: self._postings.get((application, term), {}) for term in terms}
        return {term: {s: len(hits) for s, hits in of.items()} for term, of in found.items()}

    def postings(
        self, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        """Return term → ordinals in a run of shards."""
        return {
            term: BitMap.union(BitMap(), *(of[s] for s in shards if s in of))
            for term in terms
            if (of := self._postings.get((application, term)))
        }

    def segments(
        self, application: str, names: AbstractSet[str] | None = None
    ) -> Mapping[str, str]:
        """Return name → expression."""
        own = {name: e for (where, name), e in self._segments.items() if where == application}
        return {name: e for name, e in own.items() if names is None or name in names}

    def segmented(self) -> Sequence[str]:
        """Return the applications that have saved segments."""
        return sorted({application for application, _ in self._segments})

    def names(self, ordinals: Sequence[int]) -> Sequence[str]:
        """Return the ids of installations."""
        return [self._names[ordinal] for ordinal in ordinals]

    def recipients(self, ordinals: Sequence[int]) -> Sequence[Recipient]:
        """Return installations with their addresses."""
        found: list[Recipient] = []
        for ordinal in ordinals:
            if (known := self._addresses.get(ordinal)) is not None:
                name = self._names[ordinal]
                person, _ = self._bindings.get(name, (None, None))
                service, address, details, since = known
                # A host may change what it is given, and must not change it here.
                row = Recipient(ordinal, name, person, service, address, {**details}, since)
                found.append(row)
        return found

    def size(self) -> int:
        """Return about how many bytes of memory they take; it looks at everything."""
        tables = (self._names, self._rows, self._flags, self._bindings, self._anonymous)
        indexes = (self._addresses, self._holders, self._segments, self._owned, self._postings)
        shards = (bitmap for of in self._postings.values() for bitmap in of.values())
        bitmaps = (len(bitmap.serialize()) for bitmap in chain(self._owned.values(), shards))
        return sum(map(contained, (*tables, *indexes))) + sum(bitmaps)

    def rows(self) -> Iterable[InstallationRow]:
        """Return every installation's row."""
        for name, (ordinal, application) in self._rows.items():
            person, bound_at = self._bindings.get(name, (None, None))
            address = self._addresses.get(ordinal)
            flags, free = self._flags.get(ordinal), self._anonymous.get(name)
            yield InstallationRow(
                ordinal, name, application, person, bound_at, address, flags, bound_at, free
            )

    def claims(self) -> Iterable[tuple[str, str]]:
        """Return every claim that is held."""
        return self._holders.items()

    def terms(self) -> Iterable[tuple[str, str]]:
        """Return application and term of all that ever had postings."""
        return self._postings.keys()

    def written(self, term: str) -> str:
        """Return the term itself."""
        return term
