"""Erasures to repeat: a restored ledger does not know them, or they ended half-way (R51)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from addressee.domain import ErasureRequested, Person, PersonErased
from addressee.domain.events import name_in, stream_of

from ..ports.keys import SealedStore
from ..ports.store import AuditableStore, Store

PREFIX = stream_of(Person.CATEGORY, "")
PAGE = 5_000
"""How many events are read at once."""


class BegunErasures:
    """Follows a ledger from its start: whose erasure has begun and is not done."""

    def __init__(self) -> None:
        self._begun: dict[str, None] = {}

    def add(self, stream: str, topic: str) -> None:
        """Follow the next event."""
        if topic == ErasureRequested.TOPIC:
            self._begun[stream] = None
        elif topic == PersonErased.TOPIC:
            self._begun.pop(stream, None)

    def persons(self) -> Iterator[str]:
        """Yield the ids of the persons, the first to begin first."""
        return map(name_in, self._begun)


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
    begun, position = BegunErasures(), 0
    with store.auditing() as audit:
        last = audit.last()
        while page := audit.stored(position, PAGE):
            for event in page:
                begun.add(event.stream, event.topic)
            position = page[-1].position
            progress(position, last)
    return tuple(begun.persons())


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
    if not isinstance(store, SealedStore):
        return ()
    streams = sorted(name for name in store.unreadable() if name.startswith(PREFIX))
    if not streams:
        return ()
    with store.reading() as view:
        recorded = view.streams(dict.fromkeys(streams, 0))
    found: list[str] = []
    for stream in streams:
        person = Person(stream.removeprefix(PREFIX))
        person.fold(event for _, event in recorded.get(stream, ()))
        if not person.erasing:  # or the erasure is under way, and is only to go on
            found.append(person.name)
    return tuple(found)
