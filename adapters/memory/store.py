"""A whole store on plain Python objects, with one lock.

The ledger is `eventsourcing`'s in-memory recorder; the read models are dictionaries and bitmaps. An
adapter for a database does the same with tables: see the ports in `addressee.application`.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from threading import RLock

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.popo import POPOProcessRecorder
from pyroaring import BitMap

from addressee.adapters.mapper import EventMapper
from addressee.application import Changes, InstallationChange, Recorded
from addressee.application.ports import SHARD_BITS
from addressee.domain import Conflict, Event


class MemoryRecorder(POPOProcessRecorder):
    """The stock in-memory recorder, which also tells the positions of a stream's events."""

    def select_positioned(self, stream: str, gt: int) -> list[tuple[int, StoredEvent]]:
        places = self._stored_events_index.get(stream, {})
        newer = (places[version] for version in range(gt + 1, len(places) + 1))
        return [(place + 1, self._stored_events[place]) for place in newer]


class MemoryStore:
    """A store, its reader and its transaction in one, for every view is taken under the lock.

    What each method gives is said at the ports, in `addressee.application.ports`.

    Args:
        identifier_key: the secret that turns identifiers into stream ids; random by default.
        indexed_attributes: ``attr.name`` and ``iattr.name`` that audiences may use.
    """

    def __init__(
        self, *, identifier_key: bytes | None = None, indexed_attributes: Iterable[str] = ()
    ) -> None:
        self.identifier_key = identifier_key or secrets.token_bytes(32)
        self.indexed_attributes: AbstractSet[str] = frozenset(indexed_attributes)
        self.recorder = MemoryRecorder()
        self._mapper = EventMapper()
        self._lock = RLock()
        self._names: list[str] = []
        self._rows: dict[str, tuple[int, str]] = {}
        self._bindings: dict[str, tuple[str, datetime]] = {}
        self._touches: dict[str, datetime] = {}
        self._holders: dict[str, str | None] = {}
        self._segments: dict[tuple[str, str], str | None] = {}
        self._owned: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
        self._postings: dict[tuple[str, str], dict[int, BitMap]] = defaultdict(dict)

    @contextmanager
    def reading(self) -> Generator[MemoryStore]:
        with self._lock:
            yield self

    writing = reading  # Nothing needs to be undone: a command appends last, or not at all.

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        return {
            stream: [Recorded(position, self._mapper.to_domain_event(s)) for position, s in found]
            for stream, version in after.items()
            if (found := self.recorder.select_positioned(stream, version))
        }

    def events(self, after: int, limit: int) -> Sequence[Recorded]:
        notifications = self.recorder.select_notifications(after + 1, limit)
        return [Recorded(n.id, self._mapper.to_domain_event(n)) for n in notifications]

    def append(self, events: Sequence[Event], changes: Changes) -> Sequence[int]:
        try:
            positions = self.recorder.insert_events([*map(self._mapper.to_stored_event, events)])
        except IntegrityError:
            versions = {event.originator_id: event.originator_version - 1 for event in events[::-1]}
            stream, recorded = next(iter(self.streams(versions).items()))
            actual = recorded[-1].event.originator_version
            raise Conflict(stream, versions[stream], actual) from None
        self._holders |= changes.holders
        self._segments |= changes.segments
        for change in changes.installations:
            self._apply(change)
        return positions or []

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
        shard = ordinal >> SHARD_BITS
        for term in change.gained:
            self._postings[application, term].setdefault(shard, BitMap()).add(ordinal)
        for term in change.lost:
            self._postings[application, term][shard].discard(ordinal)

    def holders(self, claims: Sequence[str]) -> Mapping[str, str]:
        return {claim: person for claim in claims if (person := self._holders.get(claim))}

    def owned(self, application: str, persons: AbstractSet[str]) -> Mapping[str, BitMap]:
        return {p: self._owned[application, p] for p in persons if (application, p) in self._owned}

    def ordinals(self, application: str, installations: AbstractSet[str]) -> Mapping[str, int]:
        rows = {name: self._rows[name] for name in installations if name in self._rows}
        return {name: ordinal for name, (ordinal, where) in rows.items() if where == application}

    def shards(self, application: str, terms: AbstractSet[str]) -> Mapping[str, Mapping[int, int]]:
        found = {term: self._postings.get((application, term), {}) for term in terms}
        return {term: {s: len(hits) for s, hits in of.items()} for term, of in found.items()}

    def postings(
        self, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        return {
            term: BitMap.union(BitMap(), *(of[s] for s in shards if s in of))
            for term in terms
            if (of := self._postings.get((application, term)))
        }

    def segments(
        self, application: str, names: AbstractSet[str] | None = None
    ) -> Mapping[str, str]:
        own = {name: e for (where, name), e in self._segments.items() if e and where == application}
        return {name: e for name, e in own.items() if names is None or name in names}

    def names(self, ordinals: Sequence[int]) -> Sequence[str]:
        return [self._names[ordinal] for ordinal in ordinals]

    def touch(self, sessions: Mapping[str, datetime]) -> None:
        self._touches |= sessions

    def last_seen(self, installation: str) -> datetime | None:
        _, bound_at = self._bindings.get(installation, (None, None))
        return bound_at and max(bound_at, self._touches.get(installation, bound_at))

    def idle(self, application: str, before: datetime, limit: int) -> Sequence[str]:
        bound = (name for name in self._bindings if self._rows[name][1] == application)
        idle = (name for name in bound if (seen := self.last_seen(name)) and seen <= before)
        return list(islice(idle, limit))
