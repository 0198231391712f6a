"""A store as it was: its ledger, folded again up to a moment (R35)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import NamedTuple

from pyroaring import BitMap

from addressee.domain import InvalidValue, Person, seen_persons, values, with_linked

from ..ports.records import Recorded
from ..ports.store import Viewable
from ..ports.transaction_views import View
from ..read_models.claim_names import check_key, streams_of
from ..read_models.in_memory import ReadModels
from ..read_models.ledger_page_end import whole_page
from ..read_models.replay import Replay
from .erased import holders_of

PAGE = 1_000
"""How many events are folded at once."""

Moment = datetime | int
"""A time, aware of its zone, or a position in the ledger."""


class Horizon(NamedTuple):
    """The events of a ledger that count at a moment, whatever is committed later.

    Args:
        time: those until then count; None for all.
        last: those up to this position count; None for all.
        settled: the position up to which no event will appear any more.
        late: the positions after it that count: others may still appear between them.
    """

    time: datetime | None
    last: int | None
    settled: int
    late: AbstractSet[int]

    def has(self, recorded: Recorded) -> bool:
        """Return whether an event counts."""
        position, event = recorded
        return self.counts(position, event.timestamp)

    def counts(self, position: int, timestamp: datetime | None) -> bool:
        """Return whether an event counts that has a time, which a position does not need."""
        known = position <= (self.settled if self.last is None else self.last)
        return (known or position in self.late) and (
            self.time is None or timestamp is None or timestamp <= self.time
        )


def horizon_of(store: Viewable, moment: Moment) -> Horizon:
    """Return which events count at a moment, as a store shows them now; raises as `Past` does."""
    settled = store.settled()
    time, last = checked(moment, settled)
    late = set[int]()
    with store.reading() as view:
        check_key(view, store.identifier_key)
        if last is None:
            end = settled
            while page := view.events(end, PAGE):
                late |= {position for position, _ in page}
                end = page[-1].position
    return Horizon(time, last, settled, late)


class Past(ReadModels):
    """Answers as a store would have answered at a moment; the moment's read models are in memory.

    The whole ledger is folded once, here, from one view of the store; it takes some hundred bytes
    an installation. Whatever is committed later changes no answer.

    Args:
        store: whose past.
        moment: a time: what happened until then counts, that very microsecond too. Or a position:
            the events up to it count, or up to the last place before where no sign-in or logout
            is half there.
        progress: called after each page with the position of its last event.
        horizon: the events that count, where they were chosen before.

    Attributes:
        over: whether a new command can't add to it any more.

    Raises:
        InvalidValue: the position is negative or the ledger is not settled up to it, or the time
            is none.
        StoreUnavailable: the store can't be reached.
        StoreDamaged: an event can't be read.
    """

    def __init__(
        self,
        store: Viewable,
        moment: Moment,
        progress: Callable[[int], object] = lambda _: None,
        *,
        horizon: Horizon | None = None,
    ) -> None:
        super().__init__()
        self.identifier_key = store.identifier_key
        self.indexed_attributes = store.indexed_attributes
        self.applications = store.applications
        settled = store.settled() if horizon is None else horizon.settled
        self._time, self._last = checked(moment, settled)
        self._position = 0
        self._pinned = horizon is not None
        self._late = set[int]() if horizon is None else {*horizon.late}
        """The positions that count after the settled ones: others may still appear between them."""
        self._settled = settled if self._last is None else self._last
        with store.reading() as view:
            check_key(view, self.identifier_key)
            self._viewing: Callable[[], AbstractContextManager[View]] = lambda: nullcontext(view)
            later = self._fold(view, progress)
        self._viewing = store.reading
        self._settled = min(self._settled, self._position)
        self.over = self._last is not None or (later and not self._late)

    def _fold(self, view: View, progress: Callable[[int], object]) -> bool:
        """Apply all that counts; return whether something in the ledger is later than that."""
        replay, later = Replay(self.indexed_attributes, self.identifier_key), False
        while page := whole_page(view.events, self._position, PAGE, self._last):
            if not self._pinned:
                self._late |= {position for position, _ in page if position > self._settled}
            past = self._cut(page)
            later = later or len(past) < len(page)
            self.apply(replay.changes(past, self))
            self._position = replay.position = page[-1].position
            progress(self._position)
        return later

    @contextmanager
    def reading(self) -> Generator[Past]:
        """Open a view; all are the same, since the past does not change."""
        yield self

    def settled(self) -> int:
        """Return the position of the last event that was folded."""
        return self._position

    def bound(self, application: str, claims: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return claim stream → ordinals."""
        with self._viewing() as view:
            names = streams_of(view, claims)
            past = self._past(view, {each: 0 for of in names.values() for each in of})
            recorded = {c: next((past[s] for s in of if s in past), ()) for c, of in names.items()}
            standing = holders_of(view, recorded)
        renamed = {claim for claim in standing if len(names[claim]) > 1}
        found = dict(super().bound(application, standing.keys() - renamed))
        # Under names that an earlier key gave them, the fold could not follow merges.
        seen = seen_persons(with_linked([standing[claim] for claim in renamed], self._persons))
        for claim in renamed:
            found[claim] = self._owned[application, seen[standing[claim]].name]
        return found

    def _persons(self, names: Iterable[str]) -> Iterable[Person]:
        persons = [Person(name) for name in names]
        recorded = self.streams({person.id: 0 for person in persons})
        return [person.fold(e for _, e in recorded.get(person.id, ())) for person in persons]

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events after a version, as many as there were."""
        with self._viewing() as view:
            return self._past(view, after)

    def _past(self, view: View, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return the same from an open view."""
        found = view.streams(after)
        past = {stream: self._cut(events) for stream, events in found.items()}
        return {stream: events for stream, events in past.items() if events}

    def events(self, after: int, limit: int, last: int | None = None) -> Sequence[Recorded]:
        """Return events after a position, as many as there were."""
        end = self._position if last is None else min(last, self._position)
        found: list[Recorded] = []
        while len(found) < limit:
            with self._viewing() as view:
                page = view.events(after, limit, end)
            if not page:
                break
            found += self._cut(page)
            after = page[-1].position
        return found[:limit]

    def _cut(self, recorded: Sequence[Recorded]) -> Sequence[Recorded]:
        """Return those events that count."""
        time = self._time
        return [
            each
            for each in recorded
            if (each.position <= self._settled or each.position in self._late)
            and (time is None or each.event.timestamp <= time)
        ]


def checked(moment: Moment, settled: int) -> tuple[datetime | None, int | None]:
    """Return the moment as a time or as a position; raises InvalidValue."""
    if not isinstance(moment, int) or isinstance(moment, bool):
        return values.moment("as_of", moment), None
    if not 0 <= moment <= settled:
        problem = f"should be a position up to which the ledger is settled, 0 to {settled}"
        raise InvalidValue("as_of", problem)
    return None, moment
