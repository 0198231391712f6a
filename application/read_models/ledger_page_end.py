"""Where a page of the ledger may end: both events of a sign-in, and of a merge, belong together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from addressee.domain import (
    DeviceDepersonalized,
    DevicePersonalized,
    Event,
    MergeEvent,
    PersonsMerged,
    PersonsUnmerged,
)

from ..ports.records import Recorded

WINDOW = 1_000
"""How many events after a half its other half is at most; otherwise the ledger is damaged, and a
reader must not wait for an event that never comes."""

HALVES = frozenset[type[Event]]({DevicePersonalized, DeviceDepersonalized})
MERGES = frozenset[type[Event]]({PersonsMerged, PersonsUnmerged})
TOPICS = frozenset(event.TOPIC for event in HALVES | MERGES)
"""Topics of events that belong together; for all others it does not matter what they say."""
Half = tuple[str, str, str]
"""What both halves say: which it is, and the streams that they stand on, the one that counts first:
of a sign-in or logout the installation's and the person's, of a merge the survivor's and the other.
"""


def whole_page(
    read: Callable[[int, int, int | None], Sequence[Recorded]],
    after: int,
    limit: int,
    last: int | None = None,
) -> Sequence[Recorded]:
    """Return the next events, up to where no sign-in or logout is half there.

    Args:
        read: `View.events`, or what returns the same.
        after: the position after which they are.
        limit: about how many events; a few less or, where they belong together, more.
        last: the last position that counts; by default all do.

    Returns:
        Nothing at the ledger's end, and where half of the last command is not there yet.
    """
    while True:
        page = read(after, limit, last)
        if length := whole_length(page):
            return page[:length]
        if len(page) < limit:
            return ()
        limit *= 2


def half_of(event: Event | None) -> tuple[Half, bool] | None:
    """Return what a half says, and whether its copy counts; None for any other event."""
    # By its very type: pydantic's isinstance takes longer than all else that is done here.
    if (kind := type(event)) in HALVES:
        both = cast("DevicePersonalized", event)
        half = kind.__name__, f"installation:{both.installation}", f"person:{both.person}"
        return half, both.at_home
    if kind in MERGES:
        link = cast("MergeEvent", event)
        half = kind.__name__, f"person:{link.survivor}", f"person:{link.merged}"
        return half, link.at_home
    return None


def whole_length(page: Sequence[tuple[int, Event | None]]) -> int:
    """Return how many events a page has up to the last place where nothing is half there.

    Args:
        page: positions with their events, or with None where its topic is none of the `TOPICS`.
    """
    length = len(page)
    for begin, end in sorted(pairs(page), reverse=True):
        if begin < length < end:
            length = begin
    return length


def pairs(page: Sequence[tuple[int, Event | None]]) -> list[tuple[int, int]]:
    """Return where each sign-in or logout begins, and the place after its other half.

    One that has lost its other half is left out; one whose other half may still come ends after
    the page.
    """
    found: list[tuple[int, int]] = []
    opened: dict[Half, deque[tuple[int, bool]]] = {}
    for place, (_, event) in enumerate(page):
        if (half_found := half_of(event)) is None:
            continue
        half, side = half_found
        waiting = opened.setdefault(half, deque())
        # Equal halves may come several times before the first other half does.
        if waiting and waiting[0][1] != side:
            found.append((waiting.popleft()[0], place + 1))
        else:
            waiting.append((place, side))
    missing = (begin for waiting in opened.values() for begin, _ in waiting)
    found += [(begin, len(page) + 1) for begin in missing if begin >= len(page) - WINDOW]
    return found
