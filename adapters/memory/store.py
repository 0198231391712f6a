"""A whole store on plain Python objects, with one lock.

The ledger is `eventsourcing`'s in-memory recorder; the read models are the application's own. An
adapter for a database does the same with tables: see the ports in `addressee.application`.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from threading import RLock

from eventsourcing.persistence import IntegrityError, StoredEvent

from addressee.adapters.serialization.event_mapper import EventMapper, as_stored
from addressee.adapters.serialization.sealed_event_format import (
    bound_to,
    keys_in,
    new_seal,
    sealing_with,
    streams_under,
)
from addressee.application import (
    Applications,
    Changes,
    KeyStore,
    ReadModels,
    Recorded,
    Seal,
    Stored,
)
from addressee.application.ports.records import LARGEST_POSITION
from addressee.domain import (
    Action,
    Conflict,
    Event,
    MobileApp,
    PersonErased,
    StoreNotEmpty,
    indexed_names,
)
from addressee.domain.events import InstallationErased
from addressee.domain.person_identifiers import new_identifier_key

from .applications import MemoryApplications
from .dispatches import MemoryDispatches
from .ledger_in_memory import MemoryRecorder
from .sink_progress import MemorySinkProgress, Row


class MemoryStore(MemoryDispatches, ReadModels):
    """A store, its reader and its transaction in one, for every view is taken under the lock.

    What each method gives is said at the ports, in `addressee.application.ports`.

    Args:
        identifier_key: the secret that turns identifiers into stream ids; random by default.
        indexed_attributes: ``attr.name`` and ``iattr.name`` that audiences may use.
        keys: seals personal data in the ledger, and so in its exports (R50).
    """

    def __init__(
        self,
        *,
        identifier_key: bytes | None = None,
        indexed_attributes: Iterable[str] = (),
        keys: KeyStore | None = None,
    ) -> None:
        self._clear()
        self.keys = keys
        self.identifier_key = identifier_key or new_identifier_key()
        self.indexed_attributes: AbstractSet[str] = indexed_names(indexed_attributes)
        self._mapper = EventMapper()
        self._sealing = None if keys is None else sealing_with(keys, self._mapper, new_seal(keys))
        self._lock = RLock()
        self.applications: Applications = MemoryApplications()
        self._touches: dict[str, datetime] = {}
        self._sinks: dict[str, Row] = {}
        self._searched: dict[str, int] = {}

    @contextmanager
    def reading(self) -> Generator[MemoryStore]:
        with self._lock:
            yield self

    auditing = reading

    # Nothing needs to be undone: a command appends last, or not at all.
    @contextmanager
    def writing(self, first: Mapping[str, int] | None = None) -> Generator[MemoryStore]:  # noqa: ARG002 # read when it is asked
        with self._lock:
            yield self

    @contextmanager
    def sending(
        self,
        *,
        alone: bool = False,  # noqa: ARG002 # it always is
        recording: bool = False,  # noqa: ARG002 # likewise
    ) -> Generator[MemoryStore]:
        with self._lock:
            yield self

    administering = reading

    def record(self, *actions: Action) -> None:
        if not self.last():
            return
        for action in actions:
            newest = next(
                (event for _, event in self.newest(action.stream, 1, LARGEST_POSITION)), None
            )
            self.recorder.insert([self._mapper.to_stored_event(action.following(newest))])

    def newest(self, stream: str, limit: int, before: int) -> Sequence[Recorded]:
        found = self.recorder.select_positioned(stream, 0)
        wanted = [each for each in found if each[0] < before][-limit:]
        return self._recorded(wanted, streams=True)[::-1]

    def sink(self, name: str, lease: float) -> MemorySinkProgress:
        return MemorySinkProgress(self._sinks, self._lock, name, lease)

    def sinks(self) -> Sequence[str]:
        return sorted(self._sinks)

    def ping(self) -> None:
        pass

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        return {
            stream: self._recorded(found, streams=True)
            for stream, version in after.items()
            if (found := self.recorder.select_positioned(stream, version))
        }

    def events(self, after: int, limit: int, last: int | None = None) -> Sequence[Recorded]:
        return self._recorded(self.recorder.select_behind(after, limit, last))

    def _recorded(
        self, found: Sequence[tuple[int, StoredEvent]], *, streams: bool = False
    ) -> Sequence[Recorded]:
        if self._sealing is None:
            return [Recorded(position, self._mapper.to_domain_event(s)) for position, s in found]
        rows = self._sealing.opened([as_stored(*each) for each in found], streams=streams)
        return [Recorded(position, self._mapper.event(*columns)) for position, *columns in rows]

    def last(self) -> int:
        return self.recorder.last()

    settled = last  # A position is given and seen under the same lock.

    def stored(self, after: int | None, limit: int, last: int | None = None) -> Sequence[Stored]:
        return [
            as_stored(position, event)
            for position, event in self.recorder.select_behind(after or 0, limit, last)
        ]

    def seals(self, after: int, limit: int) -> Sequence[Seal]:  # noqa: ARG002 # nobody else can change what is here
        return ()

    def mobile_apps(self) -> Sequence[MobileApp]:
        return self.applications.all()

    def append(self, events: Sequence[Event], changes: Changes) -> Sequence[int]:
        try:
            positions = self.recorder.insert(self._stored(events))
        except IntegrityError:
            versions = {event.originator_id: event.originator_version - 1 for event in events[::-1]}
            stream, recorded = next(iter(self.streams(versions).items()))
            actual = recorded[-1].event.originator_version
            raise Conflict(stream, versions[stream], actual) from None
        self.apply(changes)
        return positions

    def _stored(self, events: Sequence[Event]) -> list[StoredEvent]:
        if self._sealing is None:
            return [*map(self._mapper.to_stored_event, events)]
        return [StoredEvent(*columns) for columns in self._sealing.columns(events)]

    @property
    def sealed_as(self) -> str | None:
        return None if self._sealing is None else self._sealing.store

    def searched(self, search: str) -> int:
        return self._searched.get(search, 0)

    def note_searched(self, search: str, position: int) -> None:
        self._searched[search] = position

    def keys_of(self, streams: Collection[str]) -> Mapping[str, Mapping[int, str]]:
        found: dict[str, dict[int, str]] = {name: {} for name in streams}
        with self._lock:
            stored = [each for name in streams for each in self.recorder.select_positioned(name, 0)]
        for stream, version, key in keys_in(as_stored(*each) for each in stored):
            found[stream][version] = key
        return found

    def unreadable(self) -> Collection[str]:
        if self.keys is None:
            return ()
        with self._lock:
            rows = self.stored(0, self.last())
            done = {key for _, event in self.events(0, self.last())
                    if isinstance(event, InstallationErased | PersonErased)
                    for key in event.keys}  # fmt: skip
        return streams_under({*self.keys.gone()} - done, rows)

    @contextmanager
    def filling(
        self, key: bytes, indexed: AbstractSet[str], sealed_as: str | None = None
    ) -> Generator[MemoryStore]:
        with self._lock:
            if self.last():
                raise StoreNotEmpty
            before = self.identifier_key, self.indexed_attributes, self._sealing
            self.identifier_key, self.indexed_attributes = key, indexed
            if sealed_as is not None:
                self._sealing = bound_to(self._sealing, sealed_as)
            try:
                yield self
            except BaseException:
                self._clear()
                self.identifier_key, self.indexed_attributes, self._sealing = before
                raise

    keeps_key = True

    @contextmanager
    def rekeying(self, key: bytes) -> Generator[MemoryStore]:
        with self._lock:
            holders, events = {**self._holders}, self.stored(0, self.last())
            try:
                yield self
            except BaseException:
                self._holders, self.recorder = holders, MemoryRecorder()
                self.recorder.fill(events)
                raise
            self.identifier_key = key

    def _clear(self) -> None:
        """Hold no event."""
        super().__init__()
        self.recorder = MemoryRecorder()

    def event(self, stored: Stored) -> Event:
        [row] = [stored] if self._sealing is None else self._sealing.opened([stored])
        _, stream, version, topic, state = row
        return self._mapper.event(stream, version, topic, state)

    def fill(self, events: Sequence[Stored], changes: Changes) -> None:
        if (sealing := self._sealing) is not None:
            events = [Stored(*sealing.brought(row, partial(self.event, row))) for row in events]
        self.recorder.fill(events)
        self.apply(changes)

    def conclude(
        self, events: Sequence[Event], changes: Changes, sessions: Mapping[str, datetime]
    ) -> Sequence[int]:
        positions = self.append(events, changes) if events else ()
        self._touches |= sessions
        return positions

    def skip_touched(
        self,
        application: str,  # noqa: ARG002 # `idle` looks at all
        before: datetime,  # noqa: ARG002 # likewise
        limit: int,  # noqa: ARG002 # likewise
        *,
        anonymous: bool = False,  # noqa: ARG002 # likewise
    ) -> int:
        return 0

    def last_seen(self, installation: str) -> datetime | None:
        _, since = self._bindings.get(installation, (None, self._anonymous.get(installation)))
        return since and max(since, self._touches.get(installation, since))

    def idle(
        self, application: str, before: datetime, limit: int, *, anonymous: bool = False
    ) -> Sequence[str]:
        names = self._anonymous if anonymous else self._bindings
        own = (name for name in names if self._rows[name][1] == application)
        idle = (name for name in own if (seen := self.last_seen(name)) and seen <= before)
        return list(islice(idle, limit))
