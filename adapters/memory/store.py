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
from threading import RLock

from eventsourcing.persistence import IntegrityError
from eventsourcing.popo import POPOProcessRecorder
from pyroaring import BitMap

from addressee.adapters.mapper import EventMapper
from addressee.application import Changes, InstallationChange, Recorded
from addressee.application.ports import SHARD_BITS
from addressee.domain import Conflict, Event


class MemoryRecorder(POPOProcessRecorder):
    """The stock in-memory recorder, which also tells the positions of a stream's events."""

    def positions(self, stream: str, gt: int) -> Iterable[int]:
        """Return the ledger positions of a stream's events behind a version, in their order."""
        return (i + 1 for version, i in self._stored_events_index[stream].items() if version > gt)


class MemoryStore:
    """A store, its reader and its transaction in one, for every view is taken under the lock.

    Args:
        identifier_key: the secret that turns identifiers into stream ids; random by default.
        indexed_attributes: ``attr.name`` and ``iattr.name`` that audiences may use.
        mapper: turns events into bytes and back.
    """

    def __init__(
        self,
        *,
        identifier_key: bytes | None = None,
        indexed_attributes: Iterable[str] = (),
        mapper: EventMapper | None = None,
    ) -> None:
        self.identifier_key = identifier_key or secrets.token_bytes(32)
        self.indexed_attributes: AbstractSet[str] = frozenset(indexed_attributes)
        self.recorder = MemoryRecorder()
        self._mapper = mapper or EventMapper()
        self._lock = RLock()
        self._names: list[str] = []
        self._rows: dict[str, tuple[int, str]] = {}
        self._bindings: dict[str, tuple[str, datetime]] = {}
        self._touches: dict[str, datetime] = {}
        self._holders: dict[str, str] = {}
        self._owned: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
        self._postings: dict[tuple[str, str], dict[int, BitMap]] = defaultdict(dict)

    @contextmanager
    def reading(self) -> Generator[MemoryStore]:
        """Hold the lock: nothing changes while the view is open."""
        with self._lock:
            yield self

    @contextmanager
    def writing(self) -> Generator[MemoryStore]:
        """Hold the lock. `append` and `touch` come last in a command, so nothing is undone."""
        with self._lock:
            yield self

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events behind a version."""
        event, positions = self._mapper.to_domain_event, self.recorder.positions
        return {
            stream: [
                Recorded(p, event(s))
                for p, s in zip(positions(stream, version), found, strict=True)
            ]
            for stream, version in after.items()
            if (found := self.recorder.select_events(stream, gt=version))
        }

    def events(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return events behind a position, in ledger order."""
        notifications = self.recorder.select_notifications(after + 1, limit)
        return [Recorded(n.id, self._mapper.to_domain_event(n)) for n in notifications]

    def append(self, events: Sequence[Event], changes: Changes) -> int:
        """Record events and apply what they change; raises Conflict."""
        try:
            positions = self.recorder.insert_events([*map(self._mapper.to_stored_event, events)])
        except IntegrityError:
            first = events[0]
            raise Conflict(first.originator_id, first.originator_version - 1, -1) from None
        for claim, holder in changes.holders.items():
            if holder is None:
                self._holders.pop(claim, None)
            else:
                self._holders[claim] = holder
        for change in changes.installations:
            self._apply(change)
        return positions[-1] if positions else 0

    def _apply(self, change: InstallationChange) -> None:
        name, application = change.installation, change.application
        if change.new:
            self._rows[name] = len(self._names), application
            self._names.append(name)
        ordinal, _ = self._rows[name]
        if change.moved:
            if name in self._bindings:
                person, _ = self._bindings.pop(name)
                self._owned[application, person].discard(ordinal)
            if change.person is not None and change.bound_at is not None:
                self._bindings[name] = change.person, change.bound_at
                self._owned[application, change.person].add(ordinal)
        shard = ordinal >> SHARD_BITS
        for term in change.gained:
            self._postings[application, term].setdefault(shard, BitMap()).add(ordinal)
        for term in change.lost:
            self._postings[application, term][shard].discard(ordinal)

    def holders(self, claims: Sequence[str]) -> Mapping[str, str]:
        """Return claim stream → person."""
        return {claim: self._holders[claim] for claim in claims if claim in self._holders}

    def owned(self, application: str, persons: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return person → ordinals."""
        return {p: self._owned[application, p] for p in persons if (application, p) in self._owned}

    def ordinals(self, application: str, installations: AbstractSet[str]) -> Mapping[str, int]:
        """Return installation → ordinal."""
        rows = {name: self._rows[name] for name in installations if name in self._rows}
        return {name: ordinal for name, (ordinal, where) in rows.items() if where == application}

    def shards(self, application: str, terms: AbstractSet[str]) -> Mapping[str, Mapping[int, int]]:
        """Return term → shard → number of postings."""
        return {
            term: {shard: len(found) for shard, found in self._postings[application, term].items()}
            for term in terms
            if (application, term) in self._postings
        }

    def postings(
        self, application: str, terms: AbstractSet[str], shard: int
    ) -> Mapping[str, BitMap]:
        """Return term → ordinals in a shard."""
        return {
            term: found
            for term in terms
            if (found := self._postings.get((application, term), {}).get(shard)) is not None
        }

    def names(self, ordinals: Sequence[int]) -> Sequence[str]:
        """Return the ids of installations."""
        return [self._names[ordinal] for ordinal in ordinals]

    def touch(self, installation: str, at: datetime) -> None:
        """Note that a session is alive."""
        self._touches[installation] = at

    def last_seen(self, installation: str) -> datetime | None:
        """Return when a bound installation was bound or last touched."""
        if installation not in self._bindings:
            return None
        _, bound_at = self._bindings[installation]
        return max(bound_at, self._touches.get(installation, bound_at))

    def idle(self, application: str, before: datetime, limit: int) -> Sequence[str]:
        """Return bound installations that nobody used since ``before``."""
        idle = (
            name
            for name in self._bindings
            if self._rows[name][1] == application
            and (seen := self.last_seen(name)) is not None
            and seen <= before
        )
        return [name for name, _ in zip(idle, range(limit), strict=False)]
