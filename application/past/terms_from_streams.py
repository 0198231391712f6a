"""The terms that installations had at a moment, as the streams of these and their persons tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from pyroaring import BitMap

from addressee.domain import Installation, installation_terms, person_terms

from ..ports.transaction_views import View
from .nearby_index_states import groups
from .past_view_by_folding import Horizon
from .streams import PastStreams

NONE = BitMap()
"""Not to be changed."""


class StreamTerms:
    """Terms of a moment, read from the streams of installations and persons.

    Args:
        horizon: the events that count.
        indexed: the attributes that audiences may use.
    """

    def __init__(self, horizon: Horizon, indexed: AbstractSet[str]) -> None:
        self._horizon = horizon
        self._indexed = indexed
        self._known = BitMap()
        self._terms: dict[tuple[str, str], BitMap] = defaultdict(BitMap)

    def having(self, application: str, term: str) -> BitMap:
        """Return those of the installations that were read that had a term."""
        return self._terms.get((application, term), NONE)

    def read(self, view: View, ordinals: BitMap) -> None:
        """Read the installations with these ordinals that were not read before."""
        missing = [*(ordinals - self._known)]
        named = dict(zip(view.names(missing), missing, strict=True))
        for group in groups(named):
            self._take(view, {name: named[name] for name in group})
        self._known |= ordinals

    def _take(self, view: View, named: Mapping[str, int]) -> None:
        streams = PastStreams(view, self._horizon, self._horizon.last)
        installations = [Installation(name) for name in named]
        streams.read(installation.id for installation in installations)
        for installation in installations:
            installation.fold(streams.events(installation.id))
        owners = {each.person for each in installations if each.person is not None}
        owned = {
            name: person_terms(person, self._indexed)
            for name, person in streams.persons(owners).items()
        }
        for each in installations:
            terms = installation_terms(each, self._indexed)
            if terms and each.person is not None:
                terms |= owned[each.person]
            for term in terms:
                self._terms[each.application, term].add(named[each.name])
