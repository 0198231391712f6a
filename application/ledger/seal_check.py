"""Whether a ledger still is what was sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from ..ports.records import Seal, Stored
from ..ports.views import Audit
from .hash_chain import START, link

PAGE = 5_000


class Anchor(Protocol):
    """Say what a ledger was up to a position; a `Seal` does, and so does what is kept of it."""

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


def broken_seals(
    audit: Audit, key_fingerprint: str, page: int = PAGE
) -> tuple[int, list[BrokenSeal]]:
    """Compute anew what was sealed.

    Each seal is computed from the digest of the one before, as that one stands: what was changed
    breaks the seals that cover it, and not all that follow.

    Args:
        audit: shows ledger and seals.
        key_fingerprint: of the store's identifier key (R58).
        page: how many events are read at once.

    Returns:
        The position up to which the ledger is sealed, and the seals that do not hold.
    """
    broken: list[BrokenSeal] = []
    events = Ahead(stored_events(audit, page=page))
    number, last, before = 0, 0, START
    for seal in seals(audit):
        follows = (seal.number, seal.first) == (number + 1, last + 1)
        if not follows:
            problem = f"seal {number}, up to position {last}, should be before it and is not"
            broken.append(BrokenSeal(seal, problem))
        digest, found = events.digest(before, seal.last)
        if seal.key_fingerprint not in {None, key_fingerprint}:
            broken.append(BrokenSeal(seal, "the identifier key is not the one that was sealed"))
        if digest != seal.digest or (follows and found != seal.events):
            many = f"{found} events are there, {seal.events} were sealed"
            same = f"{found} events are there, not as they were sealed"
            broken.append(BrokenSeal(seal, same if found == seal.events else many))
        number, last, before = seal.number, seal.last, seal.digest
    return last, broken


def lost_anchors(
    audit: Audit,
    anchors: Iterable[Anchor],
    *,
    progress: Callable[[int], object] = lambda _: None,
    page: int = PAGE,
) -> Sequence[Anchor]:
    """Return those of some anchors that the ledger does not hold to.

    The ledger alone is asked, from its start; seals may have been made anew.

    Args:
        audit: shows the ledger.
        anchors: what was kept elsewhere.
        progress: told the position of each anchor that was looked at.
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
