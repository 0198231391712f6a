"""Streams up to a moment, with the events that a fold of the whole ledger would count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from addressee.domain import (
    Event,
    IdentifierClaimRenamed,
    Installation,
    Person,
    seen_persons,
    with_linked,
)

from ..ports.records import Recorded
from ..ports.transaction_views import View
from ..read_models.ledger_page_end import TOPICS, WINDOW, whole_length
from .ledger_range import events_of
from .past_view_by_folding import Horizon

ENOUGH = 2 * WINDOW
"""How many events before a position tell which of them is the last that counts."""
STARTS = (0, WINDOW // 3, WINDOW // 2)
"""Places in them to begin at: where one divides a sign-in, another does not."""
RECENT = 10 * WINDOW
"""Events that are older than this count in any case."""


class PastStreams:
    """Reads streams of a store as they were.

    A fold up to a position ends at the last place before where no sign-in or logout is half there.
    Where the streams have no event near the position, it does not matter which place that is.

    Args:
        view: shows the ledger.
        horizon: the events that count.
        end: the position at which the fold ends, where it is known.

    Attributes:
        exact: whether what was read so far is what the fold counts.
    """

    def __init__(self, view: View, horizon: Horizon, end: int | None = None) -> None:
        self.exact = True
        self._view = view
        self._horizon = horizon
        self._known: dict[str, Sequence[Recorded]] = {}
        self._end = end
        self._earlier: dict[str, str] = {}
        """Claim → the stream it was in before the identifier key was replaced."""

    def read(self, streams: Iterable[str]) -> None:
        """Read several streams at once."""
        missing = {stream: 0 for stream in streams if stream not in self._known}
        if missing:
            found = self._view.streams(missing)
            self._known |= {stream: self._cut(found.get(stream, ())) for stream in missing}
            for stream, (first, *_) in found.items():
                if isinstance(first.event, IdentifierClaimRenamed):
                    self._earlier[stream] = first.event.earlier

    def of_claim(self, claim: str) -> Sequence[Recorded]:
        """Return the events that count of a claim, by its name of today."""
        while not self.recorded(claim) and claim in self._earlier:
            claim = self._earlier[claim]
        return self.recorded(claim)

    def recorded(self, stream: str) -> Sequence[Recorded]:
        """Return a stream's events that count."""
        self.read([stream])
        return self._known[stream]

    def events(self, stream: str) -> Iterator[Event]:
        """Yield the same without their positions."""
        return (event for _, event in self.recorded(stream))

    def persons(self, names: Iterable[str]) -> dict[str, Person]:
        """Return id → the person as whom each was seen, of persons and all merged with them."""
        return seen_persons(with_linked(names, self._folded))

    def _folded(self, names: Iterable[str]) -> Iterable[Person]:
        persons = [Person(name) for name in names]
        self.read(person.id for person in persons)
        return [person.fold(self.events(person.id)) for person in persons]

    def _cut(self, recorded: Sequence[Recorded]) -> Sequence[Recorded]:
        counted = [each for each in recorded if self._horizon.has(each)]
        last = self._horizon.last
        if last is None or not counted or counted[-1].position <= last - RECENT:
            return counted
        end = self.end()
        return [each for each in counted if each.position <= end]

    def end(self) -> int:
        """Return the position at which a fold up to a position ends, or note that none can tell."""
        last = self._horizon.last
        if self._end is not None or last is None:
            return self._end or 0
        size, page = ENOUGH, self._page(last, ENOUGH)
        while len(page) < ENOUGH and size < last:  # positions are left out
            size *= 2
            page = self._page(last, size)
        starts = STARTS if size < last else STARTS[:1]
        ends = {start + whole_length(page[start:]) for start in starts if start <= len(page)}
        self.exact = len(ends) == 1 and (size >= last or max(ends) > ENOUGH // 2)
        length = min(ends)
        self._end = page[length - 1][0] if length else 0
        return self._end

    def _page(self, last: int, size: int) -> Sequence[tuple[int, Event | None]]:
        """Return what `whole_length` needs of so many positions."""
        return events_of(self._view, TOPICS, max(0, last - size), size, last)


def devices_of(streams: PastStreams, owner: str | None, application: str) -> list[str]:
    """Return a person's installations in an application."""
    if owner is None:
        return []
    devices = streams.persons([owner])[owner].devices
    return [name for name, where in devices.items() if where == application]


def owners_in(streams: PastStreams, installations: Sequence[Installation]) -> dict[str, str | None]:
    """Return installation → id of the person as whom its person was seen, if it had one."""
    owners = {each.person for each in installations if each.person is not None}
    seen = streams.persons(owners)
    return {each.name: seen[each.person].name if each.person else None for each in installations}
