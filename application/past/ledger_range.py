"""Where in a ledger the events are that count at a moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from addressee.domain import Event
from addressee.domain.events import category_of
from addressee.domain.times import to_microseconds

from ..ports.records import Mark, TimeSpan, Trace
from ..ports.transaction_views import RememberingView, View
from .past_view_by_folding import Horizon

PAGE = 5_000
"""How many events are read at once."""


class Extent(NamedTuple):
    """Where in the ledger the events are that count at a moment.

    Args:
        whole: all events up to this position count.
        partly: ranges of positions after it, in order, each as the position before it and its last
            one: outside of them no event counts.
    """

    whole: int
    partly: tuple[tuple[int, int], ...] = ()

    def between(self, mark: Mark) -> Iterator[tuple[int, int, bool]]:
        """Yield the ranges that have all events that only the moment or only a mark shows.

        Each comes as the position before it, its last one, and whether it has others too.
        """
        after, high = min(self.whole, mark.settled), max(self.whole, mark.last)
        for first, last in self.partly:
            if after < min(first, high):
                yield after, min(first, high), False
            yield first, last, True
            after = last
        if after < high:
            yield after, high, False

    def length(self, mark: Mark, end: int) -> int:
        """Return how many positions up to an end these ranges have."""
        return sum(max(0, min(last, end) - first) for first, last, _ in self.between(mark))


def extent_until(time: datetime, horizon: Horizon, spans: Sequence[TimeSpan], view: View) -> Extent:
    """Return the extent of the events until a time.

    Positions need not be in the order of times, since clocks differ: in any span that begins before
    the time, some events may count.

    Args:
        time: the moment.
        horizon: the events that count then.
        spans: all of the ledger, up to where it is settled.
        view: shows the ledger.
    """
    until, after = to_microseconds(time), 0
    whole: int | None = None
    partly: list[tuple[int, int]] = []
    for last, earliest, latest in spans:
        if whole is None and latest > until:
            whole, end = divided(horizon, after, last, view)
            partly.append((whole, end))
        elif whole is not None and earliest <= until:
            partly.append((after, last))
        after = last
    if horizon.late:
        partly.append((horizon.settled, max(horizon.late)))
    return Extent(horizon.settled if whole is None else whole, tuple(partly))


def divided(horizon: Horizon, after: int, last: int, view: View) -> tuple[int, int]:
    """Return the position up to which all events of a span count, and the last that does."""
    whole, end = last, after
    while page := traces(view, after, last):
        for position, *_, timestamp in page:
            if horizon.counts(position, timestamp):
                end = position
            else:
                whole = min(whole, position - 1)
        after = page[-1][0]
    return whole, max(whole, end)


def traces(view: View, after: int, last: int, limit: int = PAGE) -> Sequence[Trace]:
    """Return the next events without their states."""
    if isinstance(view, RememberingView):
        return view.traces(after, limit, last)
    return [
        (position, e.originator_id, e.originator_version, e.TOPIC, e.timestamp)
        for position, e in view.events(after, limit, last)
    ]


def events_of(
    view: View, topics: Collection[str], after: int, limit: int, last: int
) -> Sequence[tuple[int, Event | None]]:
    """Return what `RememberingView.events_of` returns, of any view; others leave no event out."""
    if isinstance(view, RememberingView):
        return view.events_of(topics, after, limit, last)
    return view.events(after, limit, last)


def changed(
    view: View, after: int, last: int, kinds: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, int]]:
    """Yield what `RememberingView.changed` returns, of any view; a stream may come repeatedly."""
    if isinstance(view, RememberingView):
        yield from view.changed(after, last, kinds)
        return
    while page := view.events(after, PAGE, last):
        for _, event in page:
            if counts(kinds, event.originator_id, event.TOPIC):
                yield event.originator_id, event.originator_version
        after = page[-1].position


def counts(kinds: Mapping[str, Collection[str]], stream: str, topic: str) -> bool:
    """Return whether an event is one of those that `RememberingView.changed` looks for."""
    return topic not in kinds.get(category_of(stream), (topic,))
