"""Whether a ledger still is what was sealed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from addressee.domain import IdentifierKey, IdentifierKeyReplaced, StoreDamaged

from ..ports.audit_views import Audit
from ..ports.records import Seal, Stored
from ..ports.store import AuditableStore, Store
from .hash_chain import START, link

PAGE = 5_000


class Anchor(Protocol):
    """The digest of a ledger up to a position: a `Seal`, or a copy that was stored elsewhere."""

    @property
    def last(self) -> int:
        """The position."""
        ...

    @property
    def digest(self) -> bytes:
        """The digest of all events up to there."""
        ...


class BrokenSeal(NamedTuple):
    """A seal, and what is wrong with it or with the events that it covers."""

    seal: Seal
    problem: str


def stored_events(audit: Audit, page: int = PAGE) -> Iterator[Stored]:
    """Yield all events as they are stored, a page in memory at a time.

    Those before position 1, which no command records, are among them: they break every digest.
    """
    after = None
    while events := audit.stored(after, page):
        yield from events
        after = events[-1].position


def seals(audit: Audit, page: int = PAGE) -> Iterator[Seal]:
    """Yield all seals, a page in memory at a time."""
    number = 0
    while found := audit.seals(number, page):
        yield from found
        number = found[-1].number


def newest_seal(store: Store) -> Seal | None:
    """Return the newest seal of a store's ledger, if the store seals."""
    if not isinstance(store, AuditableStore):
        return None
    with store.auditing() as audit:
        newest = deque(seals(audit), maxlen=1)
    return newest[0] if newest else None


def broken_seals(
    audit: Audit, key_fingerprint: str, page: int = PAGE
) -> tuple[int, list[BrokenSeal]]:
    """Compute all seals again.

    Each seal is computed from the digest of the one before, as it is stored: a change breaks the
    seals that cover it, and not all that follow.

    Args:
        audit: shows ledger and seals.
        key_fingerprint: of the store's identifier key (R58). A seal from before it replaced another
            has that one's.
        page: how many events are read at once.

    Returns:
        The position up to which the ledger is sealed, and the seals that do not hold.
    """
    broken: list[BrokenSeal] = []
    expected = fingerprints(audit, key_fingerprint)
    events = Ahead(stored_events(audit, page=page))
    number, last, before = 0, 0, START
    for seal in seals(audit):
        follows = (seal.number, seal.first) == (number + 1, last + 1)
        if not follows:
            problem = f"seal {number}, up to position {last}, should be before it and is not"
            broken.append(BrokenSeal(seal, problem))
        digest, found = events.digest(before, seal.last)
        if seal.key_fingerprint not in {None, expected(seal.last)}:
            broken.append(BrokenSeal(seal, "the identifier key is not the one that was sealed"))
        if digest != seal.digest or (follows and found != seal.events):
            many = f"{found} events are there, {seal.events} were sealed"
            same = f"{found} events are there, not as they were sealed"
            broken.append(BrokenSeal(seal, same if found == seal.events else many))
        number, last, before = seal.number, seal.last, seal.digest
    return last, broken


def fingerprints(audit: Audit, newest: str) -> Callable[[int], str]:
    """Return a function that tells which identifier key a ledger had at a position.

    Args:
        audit: shows the ledger.
        newest: the fingerprint of its key now.
    """
    stream = IdentifierKey().id
    replaced: list[tuple[int, str]] = []
    with suppress(StoreDamaged):  # which seals show anyway
        replaced += [
            (position, event.before)
            for position, event in audit.streams({stream: 0}).get(stream, ())
            if isinstance(event, IdentifierKeyReplaced)
        ]
    return lambda last: next((key for position, key in replaced if last < position), newest)


def lost_anchors(
    audit: Audit,
    anchors: Iterable[Anchor],
    *,
    progress: Callable[[int], object] = lambda _: None,
    page: int = PAGE,
) -> Sequence[Anchor]:
    """Return the anchors that the ledger does not match.

    Only the ledger is read, from its start, because an attacker can replace all seals.

    Args:
        audit: shows the ledger.
        anchors: copies that were stored elsewhere.
        progress: called with the position of each anchor.
        page: how many events are read at once.
    """
    events = Ahead(stored_events(audit, page=page))
    digest = START
    lost: list[Anchor] = []
    for anchor in sorted(anchors, key=lambda each: each.last):
        digest, _ = events.digest(digest, anchor.last)
        if digest != anchor.digest:
            lost.append(anchor)
        progress(anchor.last)
    return lost


class Ahead:
    """Events that are taken in stretches, each up to a position.

    Args:
        events: in ledger order.
    """

    def __init__(self, events: Iterator[Stored]) -> None:
        self._events = events
        self._next = next(events, None)

    def digest(self, before: bytes, last: int) -> tuple[bytes, int]:
        """Take the events up to a position; return the digest of all so far, and how many."""
        taken = 0
        while self._next is not None and self._next.position <= last:
            before = link(before, self._next)
            taken += 1
            self._next = next(self._events, None)
        return before, taken
