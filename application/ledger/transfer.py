"""A whole ledger out of a store and into another: events as they are stored, at their positions.

What carries it, a file of some form, is an adapter's. Signs of life (R26), seals, applications and
their keys are no part of the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from addressee.domain import (
    IdentifierKeyWrong,
    LedgerFileInvalid,
    StoreDamaged,
    StoreUnavailable,
    key_fingerprint,
)

from ..ports.keys import SealedStore
from ..ports.records import Recorded, Stored
from ..ports.store import AuditableStore
from ..ports.transfer import End, FillableStore, Filling, Heading, Sink, Source
from ..read_models.claim_names import check_key
from ..read_models.ledger_page_end import whole_length
from ..read_models.replay import Replay
from .hash_chain import START, link

PAGE = 1_000
PAGE_BYTES = 1 << 25
"""How many events are taken at once, or fewer with so many bytes of state."""
WAIT = 30.0
"""How many seconds an export waits for open transactions."""
PAUSE = 0.05


def export_ledger(
    store: AuditableStore,
    sink: Callable[[Heading], AbstractContextManager[Sink]],
    *,
    with_key: bool = False,
    wait: float = WAIT,
    progress: Callable[[int, int], object] = lambda _, __: None,
) -> End:
    """Write a store's ledger to a sink; commands may run meanwhile.

    It holds all that is committed when this is called, and ends where the ledger is settled: no
    event will appear before its end any more, and a seal up to there has the same digest.

    Args:
        store: whose.
        sink: opens what takes it.
        with_key: include the identifier key. With it, a reader of the file can find out what is
            known of an identifier; without it, nobody can sign in to the imported store.
        wait: seconds to wait for open transactions that may have taken a lower position.
        progress: called after each page with the position of its last event, and of the ledger's.

    Raises:
        IdentifierKeyOutdated: the identifier key was replaced since the store was opened.
        StoreUnavailable: the store can't be reached, or such transactions do not end in time.
    """
    last = settled_now(store, wait)
    key = store.identifier_key
    heading = Heading(
        tuple(sorted(store.indexed_attributes)),
        key_fingerprint(key),
        key if with_key else None,
        sealed_as=store.sealed_as if isinstance(store, SealedStore) else None,
    )
    end = End(0, 0, START)
    with store.auditing() as audit:
        check_key(audit, key)
        with sink(heading) as target:
            while page := audit.stored(end.last, PAGE, last):
                target.write(page)
                end = after(end, page)
                progress(end.last, last)
            target.finish(end)
    return end


def settled_now(store: AuditableStore, wait: float) -> int:
    """Return a position up to which the ledger is settled, and holds all that is committed now.

    Raises:
        StoreUnavailable: transactions that may have taken a lower position do not end in time.
    """
    deadline = time.monotonic() + wait
    with store.auditing() as audit:
        last = audit.last()
    while (settled := store.settled()) < last:
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"the ledger is settled up to position {settled} of {last}: transactions that"
                f" began before then are still open after {wait:g} seconds"
            )
        time.sleep(PAUSE)
    return settled


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
            in addition to its own.
        source: what to fill it with.
        key: the identifier key, where it does not travel along and is not the store's already.
        progress: called after each page with the position of its last event.

    Raises:
        IdentifierKeyWrong: the key that is there, or the one that is given, is not the ledger's.
        LedgerFileInvalid: the source can't be read, or is not whole.
        StoreNotEmpty: the store has events.
        StoreSealed: the ledger is sealed, and the store has no keys.
        StoreUnavailable: the store can't be reached.
    """
    heading = source.heading
    key = key or heading.identifier_key or store.identifier_key
    if key_fingerprint(key) != heading.key_fingerprint:
        raise IdentifierKeyWrong
    indexed = store.indexed_attributes | {*heading.indexed_attributes}
    end = End(0, 0, START)
    with store.filling(key, indexed, heading.sealed_as) as target:
        replay = Replay(indexed, key)
        waiting: list[Stored] = []
        for page in pages(source.events):
            end = after(end, page)
            waiting += page
            del waiting[: fill(target, replay, waiting)]
            progress(end.last)
        # What is left has lost its other half; a check of the store will say so.
        fill(target, replay, waiting, whole=False)
        if source.end() != end:
            raise LedgerFileInvalid("end", "what is before it was changed, or is not all there")
    return end


def pages(events: Iterator[Stored]) -> Iterator[list[Stored]]:
    """Yield events in pages that are bounded by their number and their size in memory."""
    page: list[Stored] = []
    size = 0
    for event in events:
        page.append(event)
        size += len(event.state)
        if len(page) == PAGE or size >= PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page


def after(end: End, events: Sequence[Stored]) -> End:
    """Return the end of a ledger that goes on with events; raises LedgerFileInvalid."""
    count, last, digest = end
    for event in events:
        if event.position <= last:
            raise LedgerFileInvalid(f"position {event.position}", f"comes after position {last}")
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
