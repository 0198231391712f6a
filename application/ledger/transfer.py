"""A whole ledger out of a store and into another: events as they are stored, at their positions.

What carries it, a file of some form, is an adapter's. Signs of life (R26), seals, applications and
their keys are no part of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from itertools import islice
from typing import NamedTuple, Protocol, runtime_checkable

from addressee.domain import (
    Event,
    IdentifierKeyWrong,
    LedgerFileInvalid,
    StoreDamaged,
    key_fingerprint,
)

from ..ports.changes import Changes
from ..ports.records import Stored
from ..ports.store import AuditableStore, Recorded, Store, View
from ..read_models.page_boundary import whole_length
from ..read_models.replay import Replay
from .hash_chain import START, link

PAGE = 1_000
"""How many events are taken at once."""
VERSION = 1
"""Of what a file holds, whatever its form."""


class Heading(NamedTuple):
    """What is said before the events.

    Args:
        indexed_attributes: those that audiences of the store could use, sorted.
        key_fingerprint: which identifier key the ledger's identifiers were hashed with (R5).
        identifier_key: that key, where it travels along.
        version: of the format.
    """

    indexed_attributes: tuple[str, ...]
    key_fingerprint: str
    identifier_key: bytes | None = None
    version: int = VERSION


class End(NamedTuple):
    """What is said behind the events, so that a file which was cut or changed is noticed.

    Args:
        events: how many there are.
        last: position of the last one; 0 without any.
        digest: what a seal of all of them would be (chain.py).
    """

    events: int
    last: int
    digest: bytes


class Sink(Protocol):
    """Take a ledger, its heading given before."""

    def write(self, events: Sequence[Stored]) -> None:
        """Take the next events."""
        ...

    def finish(self, end: End) -> None:
        """Take the end, and keep all of it; without, nothing is kept."""
        ...


class Source(Protocol):
    """Give a ledger.

    Attributes:
        heading: said before the events.
        events: in ledger order; raises LedgerFileInvalid.
    """

    heading: Heading
    events: Iterator[Stored]

    def end(self) -> End:
        """Return the end, once all events are taken; raises LedgerFileInvalid."""
        ...


class Filling(View, Protocol):
    """Fill a store that is empty: all on leaving the block, or nothing."""

    def event(self, stored: Stored) -> Event:
        """Return what an event says; raises StoreDamaged if it can't be read."""
        ...

    def fill(self, events: Sequence[Stored], changes: Changes) -> None:
        """Record events at their positions, and bring the read models up to them.

        Raises:
            LedgerFileInvalid: a stream has an event of that version already.
        """
        ...


@runtime_checkable
class FillableStore(Store, Protocol):
    """Keep a store that another one's ledger can be put into."""

    def filling(self, key: bytes, indexed: AbstractSet[str]) -> AbstractContextManager[Filling]:
        """Open a transaction that nobody else writes beside.

        Args:
            key: the identifier key that the store has from then on.
            indexed: the attributes that audiences may use from then on.

        Raises:
            StoreNotEmpty: the store has events.
            StoreUnavailable: the store can't be reached.
        """
        ...


def export_ledger(
    store: AuditableStore,
    sink: Callable[[Heading], AbstractContextManager[Sink]],
    *,
    with_key: bool = False,
    progress: Callable[[int, int], object] = lambda _, __: None,
) -> End:
    """Give all that a store's ledger holds at this moment; commands may run meanwhile.

    Args:
        store: whose.
        sink: opens what takes it.
        with_key: let the identifier key travel along. Who has it and an identifier can tell what
            is known of it; without it nobody can sign in to what is imported.
        progress: told after each page the position of its last event, and of the ledger's.

    Raises:
        StoreUnavailable: the store can't be reached.
    """
    key = store.identifier_key
    heading = Heading(
        tuple(sorted(store.indexed_attributes)), key_fingerprint(key), key if with_key else None
    )
    end = End(0, 0, START)
    with store.auditing() as audit, sink(heading) as target:
        last = audit.last()
        while page := audit.stored(end.last, PAGE):
            target.write(page)
            end = behind(end, page)
            progress(end.last, last)
        target.finish(end)
    return end


def import_ledger(
    store: FillableStore,
    source: Source,
    *,
    key: bytes | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> End:
    """Fill an empty store: its ledger, and the read models that follow from it; all or nothing.

    Args:
        store: which. It takes on the identifier key, and indexes the attributes that were indexed
            beside its own.
        source: what to fill it with.
        key: the identifier key, where it does not travel along and is not the store's already.
        progress: told after each page the position of its last event.

    Raises:
        IdentifierKeyWrong: the key that is there, or the one that is given, is not the ledger's.
        LedgerFileInvalid: the source can't be read, or is not whole.
        StoreNotEmpty: the store has events.
        StoreUnavailable: the store can't be reached.
    """
    heading = source.heading
    key = key or heading.identifier_key or store.identifier_key
    if key_fingerprint(key) != heading.key_fingerprint:
        raise IdentifierKeyWrong
    indexed = store.indexed_attributes | {*heading.indexed_attributes}
    end = End(0, 0, START)
    with store.filling(key, indexed) as target:
        replay = Replay(indexed)
        waiting: list[Stored] = []
        while page := list(islice(source.events, PAGE)):
            end = behind(end, page)
            waiting += page
            del waiting[: fill(target, replay, waiting)]
            progress(end.last)
        # What is left has lost its other half; a check of the store will say so.
        fill(target, replay, waiting, whole=False)
        if source.end() != end:
            raise LedgerFileInvalid("end", "what is before it was changed, or is not all there")
    return end


def behind(end: End, events: Sequence[Stored]) -> End:
    """Return the end of a ledger that goes on with events; raises LedgerFileInvalid."""
    count, last, digest = end
    for event in events:
        if event.position <= last:
            raise LedgerFileInvalid(f"position {event.position}", f"comes behind position {last}")
        digest = link(digest, event)
        last = event.position
    return End(count + len(events), last, digest)


def fill(target: Filling, replay: Replay, events: Sequence[Stored], *, whole: bool = True) -> int:
    """Fill in events up to where no sign-in is half there; return how many.

    Raises:
        LedgerFileInvalid: one of them can't be read, or is there twice.
    """
    recorded: list[Recorded] = []
    for event in events:
        try:
            recorded.append(Recorded(event.position, target.event(event)))
        except StoreDamaged as damage:
            raise LedgerFileInvalid(f"position {event.position}", str(damage)) from None
    length = whole_length(recorded) if whole else len(recorded)
    target.fill(events[:length], replay.changes(recorded[:length], target))
    return length
