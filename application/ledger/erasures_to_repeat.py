"""Erasures to repeat: a restored ledger does not know them, or they ended half-way (R51)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from addressee.domain import (
    DevicePersonalized,
    ErasureRequested,
    Installation,
    Person,
    PersonErased,
)
from addressee.domain.events import (
    Category,
    InstallationErased,
    InstallationErasureRequested,
    category_of,
    name_in,
)

from ..ports.keys import SealedStore
from ..ports.records import Recorded
from ..ports.store import AuditableStore, Store
from ..ports.transaction_views import View
from .holdings import while_anonymous

BEGINS = frozenset({ErasureRequested.TOPIC, InstallationErasureRequested.TOPIC})
ENDS = frozenset({PersonErased.TOPIC, InstallationErased.TOPIC})
PAGE = 5_000
"""How many events are read at once."""


class BegunErasures:
    """Follows a ledger from its start: what is being erased and is not yet."""

    def __init__(self) -> None:
        self._begun: dict[str, None] = {}

    def add(self, stream: str, topic: str) -> None:
        """Follow the next event."""
        if topic in BEGINS:
            self._begun[stream] = None
        elif topic in ENDS:
            self._begun.pop(stream, None)

    def persons(self) -> Iterator[str]:
        """Yield the ids of the persons, the first to begin first."""
        return self._names(Person.CATEGORY)

    def installations(self) -> Iterator[str]:
        """Yield the ids of the installations likewise."""
        return self._names(Installation.CATEGORY)

    def _names(self, category: Category) -> Iterator[str]:
        return (name_in(stream) for stream in self._begun if category_of(stream) == category)


def interrupted_erasures(
    store: AuditableStore, progress: Callable[[int, int], object] = lambda _, __: None
) -> Sequence[str]:
    """Return the ids of persons whose erasure has begun, and was not done when a process ended.

    They are found no more, but their data can still be read until they are erased again. The whole
    ledger is read, as it is stored.

    Args:
        store: whose ledger.
        progress: called after each page with the position of its last event, and of the ledger's.

    Raises:
        StoreUnavailable: the store can't be reached.
    """
    return tuple(begun_erasures(store, progress).persons())


def interrupted_installations(
    store: AuditableStore, progress: Callable[[int, int], object] = lambda _, __: None
) -> Sequence[str]:
    """Return the ids of installations whose erasure has begun and was not done; otherwise as above.

    Args:
        store: whose ledger.
        progress: as for `interrupted_erasures`.

    Raises:
        StoreUnavailable: the store can't be reached.
    """
    return tuple(begun_erasures(store, progress).installations())


def begun_erasures(store: AuditableStore, progress: Callable[[int, int], object]) -> BegunErasures:
    """Return the erasures that have begun and are not done; arguments as above."""
    begun, position = BegunErasures(), 0
    with store.auditing() as audit:
        last = audit.last()
        while page := audit.stored(position, PAGE):
            for event in page:
                begun.add(event.stream, event.topic)
            position = page[-1].position
            progress(position, last)
    return begun


def forgotten_erasures(store: Store) -> Sequence[str]:
    """Return the ids of persons whose keys are destroyed, though the ledger records no erasure.

    Either the ledger was restored from a backup from before the erasure, or the person was erased
    in another store that has the same keys. Until they are erased again, they are signed in and
    reached, though nothing of their data can be read.

    Args:
        store: whose ledger; for one that is not sealed, or has no keys, the answer is empty.

    Raises:
        StoreUnavailable: store or key store can't be reached.
    """
    recorded = unreadable_streams(store, Person.CATEGORY)
    persons = [Person(name_in(stream)) for stream in sorted(recorded)]
    for person in persons:
        person.fold(event for _, event in recorded[person.id])
    # Or the erasure is under way, and is only to go on.
    return tuple(person.name for person in persons if not person.erasing)


def forgotten_installations(store: Store) -> Sequence[str]:
    """Return the ids of installations of which the same is true, by what they told to nobody.

    Those are among them whose ledger was restored to where nobody had signed in on them yet, if the
    person who did so is erased: what they told until then is lost with that person.

    Args:
        store: as for `forgotten_erasures`.

    Raises:
        StoreUnavailable: store or key store can't be reached.
    """
    recorded = unreadable_streams(store, Installation.CATEGORY)
    if not recorded or not isinstance(store, SealedStore) or store.keys is None:
        return ()
    gone, keys = {*store.keys.gone()}, store.keys_of([*recorded])
    with store.reading() as view:
        gone -= taken_with_persons(recorded, view)
    found: list[str] = []
    for stream in sorted(recorded):
        device = Installation(name_in(stream))
        device.fold(event for _, event in recorded[stream])
        told = {e.originator_version for _, e in while_anonymous(recorded[stream])}
        lost = any(key in gone and version in told for version, key in keys[stream].items())
        if lost and not device.erasing:
            found.append(device.name)
    return tuple(found)


def unreadable_streams(store: Store, category: Category) -> Mapping[str, Sequence[Recorded]]:
    """Return stream → events of those of a category whose keys no known erasure has destroyed."""
    if not isinstance(store, SealedStore):
        return {}
    streams = [name for name in store.unreadable() if category_of(name) == category]
    if not streams:
        return {}
    with store.reading() as view:
        return view.streams(dict.fromkeys(streams, 0))


def taken_with_persons(recorded: Mapping[str, Sequence[Recorded]], view: View) -> set[str]:
    """Return the keys that erasures of persons have destroyed who were signed in on installations.

    Args:
        recorded: the events of the installations.
        view: has the events of the persons.
    """
    persons = {Person(event.person).id for events in recorded.values()
               for _, event in events if isinstance(event, DevicePersonalized)}  # fmt: skip
    streams = view.streams(dict.fromkeys(persons, 0))
    return {key for events in streams.values()
            for _, event in events if isinstance(event, PersonErased)
            for key in event.keys}  # fmt: skip
