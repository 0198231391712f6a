"""Erasures that a ledger does not know, because it was restored from a backup (R51)."""

from __future__ import annotations

from collections.abc import Sequence

from addressee.domain import Person
from addressee.domain.events import stream_of

from ..ports.keys import SealedStore
from ..ports.store import Store

PREFIX = stream_of(Person.CATEGORY, "")


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
