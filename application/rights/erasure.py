"""The erasure of a person: one step after the other, each of which may be repeated (R50, R51)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from addressee.domain import (
    ErasureRequested,
    IdentifierAdded,
    Installation,
    Person,
    PersonErased,
)

from ..history import History
from ..personalization import Personalization
from ..ports.records import LARGEST_POSITION, Recorded
from ..ports.store import Store
from ..unit_of_work.command_context import Context
from ..unit_of_work.repository import AggregateRepository
from .erasure_commands import RecordErasure, RequestErasure, check_reach, segments_naming
from .erasure_steps import OUTSIDE, RETENTION, destroyed, sealed_with
from .held_data import applications_of
from .own_events import lost_with
from .retention.inactive_persons import LEAVING, is_inactive


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure has done, or would do; nothing in it is personal data.

    Attributes:
        person: the person's id.
        done: whether it is done; False for a dry run.
        position: of the event that records it; of the ledger's last event of the person for a dry
            run.
        events: how many events become unreadable, with those of the erasure itself, which remove
            the person's identifiers.
        keys: how many keys are destroyed.
        fingerprint: of all of these keys; empty for a dry run.
        installations: those that the person ever had.
        identifiers: how many identifiers the person ever had.
        segments: saved segments that name an identifier of the person, as ``application/name``.
        outside: where data of the person may be that this does not reach.
    """

    person: str
    done: bool
    position: int
    events: int
    keys: int
    fingerprint: str
    installations: tuple[str, ...]
    identifiers: int
    segments: tuple[str, ...]
    outside: tuple[str, ...] = OUTSIDE

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


class Eraser:
    """Erases persons from one store.

    Args:
        store: where; it must be sealed.
        people: records what happens.
        history: reads the ledger.

    Raises:
        StoreNotSealed: the store has personal data in clear.
    """

    wanted = LEAVING

    def __init__(self, store: Store, people: Personalization, history: History) -> None:
        self.store, self._keys = sealed_with(store)
        self._people = people
        self._history = history

    def preview(self, person: str, within: str | None) -> Erasure:
        """Return what an erasure would do, or has done; raises UnknownPerson or ErasureRefused."""
        recorded = self._history.person(person, within=within)
        seen = self._seen(person)
        check_reach(seen, seen, within)
        persons = [seen.name, *seen.merged]
        own, names = self._own(persons, recorded)
        removals, new_keys = self._removals(persons)
        done = {event.person: event for _, event in recorded if isinstance(event, PersonErased)}
        erased = len(done) == len(persons)
        requested = [event for _, event in recorded if isinstance(event, ErasureRequested)]
        return Erasure(
            person,
            done=erased,
            position=recorded[-1].position,
            events=len(own) + removals,
            keys=len({*own.values()}) + new_keys,
            fingerprint=done[seen.name].fingerprint if erased else "",
            installations=names,
            identifiers=sum(type(event) is IdentifierAdded for _, event in recorded),
            segments=requested[0].segments if requested else self._naming({*persons}, recorded),
        )

    def due(self, names: AbstractSet[str], before: Mapping[str, datetime]) -> Sequence[str]:
        """Return those of some persons, as they are seen, who are inactive or half erased.

        Args:
            names: their ids.
            before: as of `is_inactive`.
        """
        found: dict[str, None] = {}
        with self.store.reading() as view:
            repository = AggregateRepository(view, self._people.execution.cache)
            repository.load(map(Person, sorted(names)))
            for name in sorted(names):
                seen = repository.seen(name)
                group = [repository.person(each) for each in (seen.name, *seen.merged)]
                if all(each.destroyed_keys is not None for each in group):
                    continue
                if not seen.devices:  # most have come back
                    recorded = view.streams({each.id: 0 for each in group}).values()
                    if seen.erasing or is_inactive(seen, [*chain(*recorded)], before):
                        found[seen.name] = None
        return [*found]

    def run(self, person: str, context: Context) -> Erasure:
        """Erase a person, or go on with what a run before has begun.

        Raises:
            UnknownPerson: nobody has that id, or nobody that the application has met.
            ErasureRefused: other applications have met the person too.
            StoreUnavailable: store or key store can't be reached; a later call goes on.
        """
        self._people.run(RequestErasure(person), context)
        return self._finish(person, context)

    def erasures(self, names: Sequence[str], now: datetime, *, dry_run: bool) -> Iterator[Erasure]:
        """Erase persons who are `due` one after the other, or only tell."""
        for name in names:
            one = self.preview(name, None) if dry_run else self.run_inactive(name, now)
            if one is not None:
                yield one

    def run_inactive(self, person: str, now: datetime) -> Erasure | None:
        """Do so if the person is still inactive, or the erasure has begun; return None if not.

        Args:
            person: the person's id.
            now: the time to judge by.

        Raises:
            StoreUnavailable: store or key store can't be reached; a later call goes on.
        """
        context = Context(actor=RETENTION)
        self._people.run(RequestErasure(person, now), context)
        return self._finish(person, context) if self._seen(person).erasing else None

    def _finish(self, person: str, context: Context) -> Erasure:
        # From here on nobody else is merged with the person, and no merge is taken back.
        recorded = self._history.person(person)
        seen = self._seen(person)
        names = (seen.name, *seen.merged)
        keys = {name: (*self._own([name], recorded)[0].values(),) for name in names}
        together = destroyed(self._keys, chain(*keys.values()))
        self._people.run(RecordErasure(person, keys, together), {**context, "within": None})
        return self.preview(person, None)

    def _naming(self, persons: AbstractSet[str], recorded: Sequence[Recorded]) -> tuple[str, ...]:
        """Return the segments that name an identifier that persons ever had."""
        with self.store.reading() as view:
            return tuple(segments_naming(persons, recorded, view, self.store.identifier_key))

    def _seen(self, person: str) -> Person:
        """Return a person with all who are seen as one with the person (R52)."""
        return self._history.person_at(person, LARGEST_POSITION)

    def _own(
        self, persons: Sequence[str], recorded: Sequence[Recorded]
    ) -> tuple[Mapping[tuple[str, int], str], tuple[str, ...]]:
        """Return stream and version of each event that is lost with persons → its key, and devices.

        These are all events whose keys are destroyed, or were.
        """
        names = tuple(applications_of(recorded))
        people = [Person(person).id for person in persons]
        devices = [Installation(name).id for name in names]
        keys = self.store.keys_of([*people, *devices])
        lost = {key for stream in people for key in keys.get(stream, {}).values()}
        for _, event in recorded:
            if isinstance(event, PersonErased) and event.person in persons:
                lost.update(event.keys)
        for name, stream in zip(names, devices, strict=True):
            versions = lost_with(self._history.installation(name), frozenset(persons)).versions
            lost.update(key for version, key in keys.get(stream, {}).items() if version in versions)
        own = {
            (stream, version): key
            for stream, its in keys.items()
            for version, key in its.items()
            if key in lost
        }
        return own, names

    def _removals(self, persons: Sequence[str]) -> tuple[int, int]:
        """Return how many identifiers an erasure has to remove, and under how many new keys.

        Each removal is an event that is erased with the others. It is under the newest key of the
        person's stream, or a new one where that is destroyed: in a ledger that was restored.
        """
        people = [Person(person) for person in persons]
        with self.store.reading() as view:
            streams = view.streams({each.id: 0 for each in people})
        held = {each.id: len(each.fold(e for _, e in streams[each.id]).identifiers)
                for each in people}  # fmt: skip
        newest = [[*its.values()][-1] for stream, its
                  in self.store.keys_of([*held]).items() if its and held[stream]]  # fmt: skip
        gone = [key for key, secret in self._keys.find(newest).items() if secret is None]
        return sum(held.values()), len(gone)
