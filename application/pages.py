"""Where a page of the ledger may end: a sign-in stands in two streams, and counts with both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from addressee.domain import DeviceDepersonalized, DevicePersonalized, Event

from .ports import Recorded

WINDOW = 1_000
"""How many events behind a half its other half stands at most; else the ledger is damaged, and
whoever folds it must not wait for what will never come."""

Half = tuple[str, str, str]
"""What both halves of a sign-in or logout say: which it is, the installation, the person."""


def whole_page(
    read: Callable[[int, int], Sequence[Recorded]], after: int, limit: int
) -> Sequence[Recorded]:
    """Return the next events, up to where no sign-in or logout is half there.

    Args:
        read: returns up to so many events behind a position, in ledger order.
        after: the position.
        limit: about how many events; a few less or, where they belong together, more.

    Returns:
        Nothing at the ledger's end, and where half of the last command is not there yet.
    """
    while True:
        page = read(after, limit)
        if length := whole_length(page):
            return page[:length]
        if len(page) < limit:
            return ()
        limit *= 2


def half_of(event: Event) -> tuple[Half, bool] | None:
    """Return what a half says, and whether it is the installation's; None for any other event."""
    if not isinstance(event, DevicePersonalized | DeviceDepersonalized):
        return None
    half = type(event).__name__, event.installation, event.person
    return half, event.originator_id.startswith("installation:")


def whole_length(page: Sequence[Recorded]) -> int:
    """Return how many events a page has up to the last place where nothing is half there."""
    opened: dict[Half, list[int]] = {}
    ends = [0] * len(page)
    """Where a pair begins, the place behind its other half."""
    for place, (_, event) in enumerate(page):
        if (found := half_of(event)) is None:
            continue
        half, side = found
        waiting = opened.setdefault(half, [])
        # Equal halves may come several times before the first other half does.
        if waiting and (waiting[-1] > 0) != side:
            ends[abs(waiting.pop(0)) - 1] = place + 1
        else:
            waiting.append(place + 1 if side else -place - 1)
    for waiting in opened.values():
        for mark in waiting:
            begin = abs(mark) - 1
            if begin >= len(page) - WINDOW:
                ends[begin] = len(page) + 1
    length = reach = 0
    for place, end in enumerate(ends):
        reach = max(reach, end)
        if reach <= place + 1:
            length = place + 1
    return length
