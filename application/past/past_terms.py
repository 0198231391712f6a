"""The terms that installations had at a moment, by states of the index nearby and by streams."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from pyroaring import BitMap

from ..ports.records import Mark
from ..ports.transaction_views import RememberingView, View
from .ledger_range import Extent
from .nearby_index_states import PRESENT, NearbyState
from .past_view_by_folding import Horizon
from .terms_from_streams import NONE, StreamTerms


class Sources(NamedTuple):
    """Where the terms of a moment are found.

    Args:
        first: a mark that shows them, of all installations but
        hidden: these ordinals.
        second: a mark that shows them of
        shown: these; None where it is needed for none.
        read: those of which streams tell them.
    """

    first: Mark
    hidden: BitMap
    second: Mark | None
    shown: BitMap
    read: BitMap


class PastTerms:
    """Finds the terms of a moment.

    Args:
        horizon: the events that count.
        extent: where they are.
        indexed: the attributes that audiences may use.

    Attributes:
        streams: the terms that were read from streams.
    """

    def __init__(self, horizon: Horizon, extent: Extent, indexed: AbstractSet[str]) -> None:
        self.streams = StreamTerms(horizon, indexed)
        self._horizon = horizon
        self._extent = extent
        self._states: dict[Mark, NearbyState] = {}

    def follow(self, view: View, settled: int) -> Sources:
        """Return where a view has the terms, after what it needs of streams was read.

        Args:
            view: of the present.
            settled: up to where it shows all that there will ever be.
        """
        marks = nearby(view, self._extent, settled)
        self._states = {
            mark: self._states.get(mark) or NearbyState(mark, self._horizon, self._extent)
            for mark in marks
        }
        for state in self._states.values():
            state.follow(view, settled)
        first, *others = self._states.values()
        hidden = first.touched | forgotten_at(view, first.mark)
        second, shown = None, NONE
        for other in others:
            if found := first.touched - other.touched - forgotten_at(view, other.mark):
                second, shown = other.mark, found
        read = hidden - shown
        self.streams.read(view, read)
        return Sources(first.mark, hidden, second, shown, read)


def forgotten_at(view: View, mark: Mark) -> BitMap:
    """Return the ordinals of which a state of the index shows nothing that counts (R50)."""
    if mark is PRESENT or not isinstance(view, RememberingView):
        return NONE
    return view.forgotten(mark)


def nearby(view: View, extent: Extent, settled: int) -> Sequence[Mark]:
    """Return the state of the index that follows a moment, and the one before it, if known."""
    marks = view.marks(extent.whole, settled) if isinstance(view, RememberingView) else None
    if marks is None:
        return (PRESENT,)
    before, after = marks
    return tuple(dict.fromkeys((after or PRESENT, before)))
