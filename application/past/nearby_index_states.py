"""States of the audience index near a moment, and the installations in which they may differ.

An installation has the same terms in two states if no event that only one of them has is its own or
its person's. So it is enough to look at the events between the moment and a state of the index that
a store remembers, or the present: of all other installations that state shows the moment's terms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice

from pyroaring import BitMap

from addressee.domain import (
    DeviceDepersonalized,
    DevicePersonalized,
    IdentifierAdded,
    IdentifierRemoved,
    Installation,
    MergedPersonChanged,
    Person,
    PersonExported,
    PrimaryChanged,
)
from addressee.domain.events import category_of, name_in

from ..ports.records import LARGEST_POSITION, Mark, Trace
from ..ports.transaction_views import View
from .ledger_range import Extent, changed, counts, traces
from .past_view_by_folding import Horizon
from .streams import PastStreams

GROUP = 500
"""Of how many installations or persons streams are in memory at once."""
PRESENT = Mark(LARGEST_POSITION, LARGEST_POSITION, LARGEST_POSITION)
"""What the view itself shows, as a mark."""
ELSEWHERE = frozenset(
    event.TOPIC
    for event in (
        DevicePersonalized,
        DeviceDepersonalized,
        PrimaryChanged,
        IdentifierAdded,
        IdentifierRemoved,
        PersonExported,
        MergedPersonChanged,
    )
)
"""Topics of events of a person that change no terms but of installations whose streams tell it."""
COUNTED: Mapping[str, Collection[str]] = {Installation.CATEGORY: (), Person.CATEGORY: ELSEWHERE}
"""Category of streams whose events change terms → topics of those that do not."""


class NearbyState:
    """A state of the index, and the installations that may have other terms in it.

    Args:
        mark: which state.
        horizon: the events that count at the moment.
        extent: where they are.

    Attributes:
        mark: as given.
        touched: ordinals of those installations.
    """

    def __init__(self, mark: Mark, horizon: Horizon, extent: Extent) -> None:
        self.mark = mark
        self.touched = BitMap()
        self._horizon = horizon
        self._extent = extent
        self._read_to = 0

    def follow(self, view: View, settled: int) -> None:
        """Take the events that were not there before: of a mark there are none.

        Args:
            view: of the present.
            settled: up to where it shows all that there will ever be.
        """
        streams = dict[str, int]()
        for stream, version in self._differing(view):
            streams[stream] = min(version, streams.get(stream, version))
        self._read_to = settled
        names, persons = set[str](), set[str]()
        for stream, version in streams.items():
            if category_of(stream) == Installation.CATEGORY:
                names.add(name_in(stream))
            elif version > 1:  # all installations of new ones were bound meanwhile: their own tell
                persons.add(name_in(stream))
        for group in groups(sorted(persons)):
            found = PastStreams(view, self._horizon, self._horizon.last).persons(group)
            names.update(name for person in found.values() for name in person.devices)
        self.touched |= BitMap(view.ordinals(None, names).values())

    def _differing(self, view: View) -> Iterator[tuple[str, int]]:
        """Yield stream and version of events that only the moment or only the state shows.

        Only events that change terms come; of a stream its first one of these is among them.
        """
        for first, end, mixed in self._extent.between(self.mark):
            after = max(first, self._read_to)
            if not mixed:
                yield from changed(view, after, end, COUNTED)
                continue
            while after < end and (page := traces(view, after, end)):
                after = page[-1][0]
                for _, stream, version, topic, _ in filter(self._differs, page):
                    if counts(COUNTED, stream, topic):
                        yield stream, version

    def _differs(self, trace: Trace) -> bool:
        """Return whether the moment shows an event and the state may not, or the reverse."""
        position, *_, timestamp = trace
        if self._horizon.counts(position, timestamp):
            return position > self.mark.settled
        return position <= self.mark.last


def groups(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield names in groups."""
    left = iter(names)
    while group := list(islice(left, GROUP)):
        yield group
