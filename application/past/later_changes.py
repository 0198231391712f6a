"""The installations that have changed since a position, and the terms that they had then.

An installation can only have had other terms if an event after the position is its own or its
person's. The streams of both, up to the position, tell which it had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import islice

from pyroaring import BitMap

from addressee.domain import (
    DeviceDepersonalized,
    DevicePersonalized,
    Event,
    IdentifierAdded,
    IdentifierRemoved,
    Installation,
    InstallationRegistered,
    MergedPersonChanged,
    Person,
    PersonExported,
    PrimaryChanged,
    Segment,
    installation_terms,
    person_terms,
)
from addressee.domain.events import category_of, name_in

from ..ports.views import View
from .folded import Horizon
from .streams import PastStreams

PAGE = 5_000
"""How many events are read at once."""
GROUP = 500
"""Of how many installations or persons streams are in memory at once."""
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


class LaterChanges:
    """What has changed since a position.

    Args:
        horizon: of the position.
        indexed: ``attr.name`` and ``iattr.name`` that audiences may use.

    Attributes:
        changed: application → ordinals of installations that may have had other terms.
        terms: application and term → those of them that had it.
        segments: application and name → the expression of then, or None; of those changed since.
    """

    def __init__(self, horizon: Horizon, indexed: AbstractSet[str]) -> None:
        self.changed: dict[str, BitMap] = defaultdict(BitMap)
        self.terms: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
        self.segments: dict[tuple[str, str], str | None] = {}
        self._horizon = horizon
        self._indexed = indexed
        self._known = set[str]()
        """Streams of which it is known how they were: that does not change any more."""
        self._end = self._read_to = 0

    def follow(self, view: View, end: int, settled: int) -> None:
        """Take what the ledger has behind what was taken before.

        Args:
            view: shows the ledger.
            end: the last position that counts.
            settled: up to where the view shows all that there will ever be.
        """
        new: dict[str, str] = {}
        touched = set[str]()
        self._end = end
        at = max(self._read_to, end)
        while page := view.events(at, PAGE):
            at = page[-1].position
            for _, event in page:
                if isinstance(event, InstallationRegistered):
                    new[event.installation] = event.application
                stream = event.originator_id
                if type(event) not in ELSEWHERE or category_of(stream) != Person.CATEGORY:
                    touched.add(stream)
        touched -= self._known
        of: dict[str, list[str]] = defaultdict(list)
        for stream in sorted(touched):
            of[category_of(stream)].append(name_in(stream))
        for group in groups(of[Segment.CATEGORY]):
            self._take_segments(group, view)
        names = {*of[Installation.CATEGORY]}
        for group in groups(of[Person.CATEGORY]):
            names |= self._devices(group, view)
        for group in groups(sorted(n for n in names if Installation(n).id not in self._known)):
            self._take_installations(group, new, view)
        self._known |= touched | {Installation(name).id for name in names}
        self._read_to = max(self._read_to, settled)

    def _take_segments(self, names: list[str], view: View) -> None:
        streams = PastStreams(view, self._horizon, self._end)
        segments = [Segment(name) for name in names]
        streams.read(segment.id for segment in segments)
        for segment in segments:
            segment.fold(streams.events(segment.id))
            self.segments[segment.place] = segment.expression

    def _devices(self, names: list[str], view: View) -> set[str]:
        """Return the installations that persons had."""
        streams = PastStreams(view, self._horizon, self._end)
        return {name for person in streams.persons(names).values() for name in person.devices}

    def _take_installations(self, names: list[str], new: dict[str, str], view: View) -> None:
        streams = PastStreams(view, self._horizon, self._end)
        installations = [Installation(name) for name in names]
        streams.read(installation.id for installation in installations)
        for installation in installations:
            installation.fold(streams.events(installation.id))
        owners = {i.person for i in installations if i.person is not None}
        owned = {
            name: person_terms(person, self._indexed)
            for name, person in streams.persons(owners).items()
        }
        of_application: dict[str, dict[str, AbstractSet[str]]] = defaultdict(dict)
        for installation in installations:
            terms = installation_terms(installation, self._indexed)
            if terms and installation.person is not None:
                terms |= owned[installation.person]
            known = installation.exists
            application = installation.application if known else new[installation.name]
            of_application[application][installation.name] = terms
        for application, had in of_application.items():
            for name, ordinal in view.ordinals(application, had.keys()).items():
                self.changed[application].add(ordinal)
                for term in had[name]:
                    self.terms[application, term].add(ordinal)


def groups(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield names in groups."""
    left = iter(names)
    while group := list(islice(left, GROUP)):
        yield group
