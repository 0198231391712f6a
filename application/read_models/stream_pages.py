"""Parts of a stream: pages, what happened in one application, what happened until a moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from operator import itemgetter
from typing import NamedTuple, Self

from addressee.domain import values

from ..ports.records import LARGEST_POSITION, Recorded


class Page(NamedTuple):
    """A part of a stream's events: those after a position, up to a number."""

    after: int
    limit: int | None

    @classmethod
    def of(cls, after: int, limit: int | None) -> Self:
        """Return the page; raises InvalidValue for what are no numbers of events."""
        values.whole("after", after, 0, LARGEST_POSITION)
        if limit is not None:
            values.whole("limit", limit, 1, LARGEST_POSITION)
        return cls(after, limit)

    def of_events(self, recorded: Sequence[Recorded]) -> Sequence[Recorded]:
        """Return the events of this page."""
        first = bisect_right(recorded, self.after, key=itemgetter(0))
        return recorded[first:][: self.limit]


def application_of(recorded: Recorded) -> str | None:
    """Return the application that an event happened in, if it names one."""
    found: str | None = getattr(recorded.event, "application", None)
    return found


def concerns(recorded: Sequence[Recorded], within: str | None) -> bool:
    """Return whether any of the events happened in an application; True where none is given."""
    return within is None or any(application_of(each) == within for each in recorded)


def counted(at: datetime | None) -> Callable[[Recorded], bool]:
    """Return whether an event had happened at a moment; all have if there is none."""
    if at is None:
        return lambda _: True
    moment = values.moment("at", at)
    return lambda recorded: recorded.event.timestamp <= moment


def up_to(position: int) -> Callable[[Recorded], bool]:
    """Return whether an event stands no later than a position."""
    return lambda recorded: recorded.position <= position


def until(recorded: Sequence[Recorded], at: datetime | None) -> Iterator[Recorded]:
    """Yield what had happened at a moment; a stream's times never run backwards."""
    if at is None:
        return iter(recorded)
    moment = values.moment("at", at)
    return takewhile(lambda r: r.event.timestamp <= moment, recorded)
