"""A store as it was: its ledger, folded again up to a moment (R35)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import itemgetter

from addressee.domain import InvalidValue, values

from ..ports.records import Recorded
from ..ports.store import Viewable
from .in_memory import ReadModels
from .page_boundary import whole_page
from .replay import Replay

PAGE = 1_000
"""How many events are folded at once."""

LARGEST = 2**63 - 1
"""No ledger reaches it, and databases know no larger number."""

Moment = datetime | int
"""A time, aware of its zone, or a position in the ledger."""


class Past(ReadModels):
    """Answers as a store would have answered at a moment; the moment's read models are in memory.

    The whole ledger is folded once, here, and it takes some hundred bytes an installation. What
    happens from now on changes no answer.

    Args:
        store: whose past.
        moment: a time: what happened until then counts, that very microsecond too. Or a position:
            the events up to it count, or up to the last place before where no sign-in or logout
            is half there.
        progress: told after each page the position of its last event.

    Attributes:
        over: whether a new command can't add to it any more.

    Raises:
        InvalidValue: the position is negative or the ledger does not reach it, or the time is none.
        StoreUnavailable: the store can't be reached.
        StoreDamaged: an event can't be read.
    """

    def __init__(
        self, store: Viewable, moment: Moment, progress: Callable[[int], object] = lambda _: None
    ) -> None:
        super().__init__()
        self.identifier_key = store.identifier_key
        self.indexed_attributes = store.indexed_attributes
        self.over = isinstance(moment, int)
        self._store = store
        self._position = 0
        self._time, self._last = checked(store, moment)
        replay = Replay(self.indexed_attributes)
        while page := self._page():
            past = self._cut(page)
            self.over = self.over or len(past) < len(page)
            self.apply(replay.changes(past, self))
            self._position = replay.position = page[-1].position
            progress(self._position)

    @contextmanager
    def reading(self) -> Generator[Past]:
        """Open a view; all are the same, since the past does not change."""
        yield self

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events behind a version, as many as there were."""
        with self._store.reading() as reader:
            found = reader.streams(after)
        past = {
            stream: self._cut(until(events, self._position)) for stream, events in found.items()
        }
        return {stream: events for stream, events in past.items() if events}

    def events(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return events behind a position, as many as there were."""
        found: list[Recorded] = []
        while len(found) < limit:
            with self._store.reading() as reader:
                page = until(reader.events(after, limit), self._position)
            if not page:
                break
            found += self._cut(page)
            after = page[-1].position
        return found[:limit]

    def _page(self) -> Sequence[Recorded]:
        """Return the next events of the ledger, none behind the last position that counts."""
        last = self._last

        def read(after: int, limit: int) -> Sequence[Recorded]:
            page = reader.events(after, limit)
            return page if last is None else until(page, last)

        with self._store.reading() as reader:
            return whole_page(read, self._position, PAGE)

    def _cut(self, recorded: Sequence[Recorded]) -> Sequence[Recorded]:
        """Return those events that had happened."""
        if (time := self._time) is None:
            return recorded
        return [each for each in recorded if each.event.timestamp <= time]


def checked(store: Viewable, moment: Moment) -> tuple[datetime | None, int | None]:
    """Return the moment as a time or as a position; raises InvalidValue."""
    if not isinstance(moment, int) or isinstance(moment, bool):
        return values.moment("as_of", moment), None
    with store.reading() as reader:
        if moment and not (0 < moment <= LARGEST and reader.events(moment - 1, 1)):
            raise InvalidValue(
                "as_of", "should be a position that the ledger has reached, 0 to its last"
            )
    return None, moment


def until(recorded: Sequence[Recorded], last: int) -> Sequence[Recorded]:
    """Return those events that are not behind a position; they ascend."""
    return recorded[: bisect_right(recorded, last, key=itemgetter(0))]
