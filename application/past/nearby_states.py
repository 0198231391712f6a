"""States of the audience index near a moment, and the installations in which they may differ.

An installation has the same terms in two states if no event that only one of them has is its own or
its person's. So it is enough to look at the events between the moment and a state of the index that
a store remembers, or the present: of all other installations that state shows the moment's terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from pyroaring import BitMap

from addressee.domain import (
    DeviceDepersonalized,
    DevicePersonalized,
    Event,
    IdentifierAdded,
    IdentifierRemoved,
    Installation,
    MergedPersonChanged,
    Person,
    PersonExported,
    PrimaryChanged,
)
from addressee.domain.events import category_of, name_in

from ..ports.records import LARGEST_POSITION, Recorded
from ..ports.views import Mark, View
from .extent import PAGE, Extent
from .folded import Horizon
from .streams import PastStreams

GROUP = 500
"""Of how many installations or persons streams are in memory at once."""
PRESENT = Mark(LARGEST_POSITION, LARGEST_POSITION, LARGEST_POSITION)
"""What the view itself shows, as a mark."""
ELSEWHERE = frozenset[type[Event]](
    {
        DevicePersonalized,
        DeviceDepersonalized,
        PrimaryChanged,
        IdentifierAdded,
        IdentifierRemoved,
        PersonExported,
        MergedPersonChanged,
    }
)
"""Events of a person that change the terms of no installation whose own stream does not tell it."""


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
        self._streams = set[str]()
        self._read_to = 0

    def follow(self, view: View, settled: int) -> None:
        """Take the events that were not there before: of a mark there are none.

        Args:
            view: of the present.
            settled: up to where it shows all that there will ever be.
        """
        streams = {
            event.originator_id
            for _, event in self._differing(view)
            if type(event) not in ELSEWHERE or category_of(event.originator_id) != Person.CATEGORY
        }
        self._read_to = settled
        streams -= self._streams
        self._streams |= streams
        named: dict[str, list[str]] = {Installation.CATEGORY: [], Person.CATEGORY: []}
        for stream in sorted(streams):
            if (category := category_of(stream)) in named:
                named[category].append(name_in(stream))
        names = {*named[Installation.CATEGORY]}
        for group in groups(named[Person.CATEGORY]):
            persons = PastStreams(view, self._horizon).persons(group)
            names.update(name for person in persons.values() for name in person.devices)
        self.touched |= BitMap(view.ordinals(None, names).values())

    def _differing(self, view: View) -> Iterator[Recorded]:
        """Yield the events that only the moment or only the state shows, as far as is known."""
        _, settled, last = self.mark
        for first, end in self._extent.between(self.mark):
            after = max(first, self._read_to)
            while after < end and (page := view.events(after, PAGE, end)):
                after = page[-1].position
                for recorded in page:
                    counts = self._horizon.has(recorded)
                    shown = recorded.position <= settled
                    if shown != counts or (not shown and recorded.position <= last):
                        yield recorded


def groups(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield names in groups."""
    left = iter(names)
    while group := list(islice(left, GROUP)):
        yield group
