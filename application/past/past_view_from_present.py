"""A view of a store as it was: a state of the index near the moment, and what differs from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet

from pyroaring import BitMap

from addressee.domain import Installation, Segment
from addressee.domain.events import name_in

from ..ports.records import Mark, Recipient, Recorded
from ..ports.transaction_views import SHARD_BITS, RememberingView, View
from .erased import holders_of
from .ledger_range import PAGE
from .nearby_index_states import PRESENT, groups
from .past_terms import PastTerms
from .past_view_by_folding import Horizon
from .streams import PastStreams, devices_of, owners_in
from .terms_from_streams import NONE


class TakenBack:
    """Shows ledger and read models as they were at a moment.

    What each method gives is said at the ports.

    Args:
        view: of the present.
        horizon: the events that count at the moment.
        terms: finds the terms of the moment.
        settled: up to where the view shows all that there will ever be.
    """

    def __init__(self, view: View, horizon: Horizon, terms: PastTerms, settled: int) -> None:
        self._view = view
        self._horizon = horizon
        self._streams = terms.streams
        self._sources = terms.follow(view, settled)

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events after a version, as many as there were."""
        found = self._view.streams(after).items()
        cut = {s: [each for each in events if self._horizon.has(each)] for s, events in found}
        return {stream: events for stream, events in cut.items() if events}

    def events(self, after: int, limit: int, last: int | None = None) -> Sequence[Recorded]:
        """Return events after a position, as many as there were."""
        found: list[Recorded] = []
        while len(found) < limit and (page := self._view.events(after, limit, last)):
            found += filter(self._horizon.has, page)
            after = page[-1].position
        return found[:limit]

    def bound(self, application: str, claims: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return claim stream → ordinals."""
        streams = PastStreams(self._view, self._horizon, self._horizon.last)
        streams.read(claims)
        holders = holders_of(self._view, {claim: streams.of_claim(claim) for claim in claims})
        found: dict[str, BitMap] = {}
        for claim, holder in holders.items():
            names = frozenset(devices_of(streams, holder, application))
            found[claim] = BitMap(self._view.ordinals(application, names).values())
        return found

    def ordinals(
        self, application: str | None, installations: AbstractSet[str]
    ) -> Mapping[str, int]:
        """Return installation → ordinal."""
        streams = PastStreams(self._view, self._horizon, self._horizon.last)
        streams.read(Installation(name).id for name in installations)
        found = self._view.ordinals(application, installations)
        return {n: o for n, o in found.items() if streams.recorded(Installation(n).id)}

    def shards(self, application: str, terms: AbstractSet[str]) -> Mapping[str, Mapping[int, int]]:
        """Return term → shard → about how many postings."""
        first, _, second, _, read = self._sources
        found = {term: Counter[int]() for term in terms}
        for mark in (first, second):
            if mark is not None:
                for term, sizes in self._shards_at(mark, application, terms).items():
                    found[term] += Counter(sizes)
        for term, sizes in found.items():
            those = self._streams.having(application, term) & read
            sizes.update(ordinal >> SHARD_BITS for ordinal in those)
        return found

    def _shards_at(
        self, mark: Mark, application: str, terms: AbstractSet[str]
    ) -> Mapping[str, Mapping[int, int]]:
        if mark is not PRESENT and isinstance(self._view, RememberingView):
            return self._view.shards_at(mark, application, terms)
        return self._view.shards(application, terms)

    def postings(
        self, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        """Return term → ordinals in a run of shards."""
        first, hidden, second, shown, read = self._sources
        now = self._postings_at(first, application, terms, shards)
        then: Mapping[str, BitMap] = {}
        if second is not None:
            then = self._postings_at(second, application, terms, shards)
        run = BitMap(range(shards.start << SHARD_BITS, shards.stop << SHARD_BITS))
        return {
            term: (now.get(term, NONE) - hidden)
            | (then.get(term, NONE) & shown)
            | (self._streams.having(application, term) & read & run)
            for term in terms
        }

    def _postings_at(
        self, mark: Mark, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        if mark is not PRESENT and isinstance(self._view, RememberingView):
            return self._view.postings_at(mark, application, terms, shards)
        return self._view.postings(application, terms, shards)

    def segments(
        self, application: str, names: AbstractSet[str] | None = None
    ) -> Mapping[str, str]:
        """Return name → expression."""
        streams = PastStreams(self._view, self._horizon, self._horizon.last)
        if names is None:
            ids = segment_streams(self._view, application)
        else:
            ids = [Segment.of(application, name).id for name in names]
        streams.read(ids)
        segments = [Segment(name_in(stream)) for stream in ids]
        for segment in segments:
            segment.fold(streams.events(segment.id))
        return {each.place[1]: each.expression for each in segments if each.expression is not None}

    def names(self, ordinals: Sequence[int]) -> Sequence[str]:
        """Return the ids of installations, which never change."""
        return self._view.names(ordinals)

    def recipients(self, ordinals: Sequence[int]) -> Collection[Recipient]:
        """Return installations with their addresses."""
        unchanged = self._sources.first is PRESENT
        hidden = self._sources.hidden
        same = [ordinal for ordinal in ordinals if unchanged and ordinal not in hidden]
        found = [*self._view.recipients(same)]
        others = [ordinal for ordinal in ordinals if not unchanged or ordinal in hidden]
        names = dict(zip(self._view.names(others), others, strict=True))
        for group in groups(names):
            streams = PastStreams(self._view, self._horizon, self._horizon.last)
            streams.read(Installation(name).id for name in group)
            installations = [Installation(name) for name in group]
            for installation in installations:
                installation.fold(streams.events(installation.id))
            owners = owners_in(streams, installations)
            found += (
                Recipient(names[each.name], each.name, owners[each.name], *each.address)
                for each in installations
                if each.address is not None
            )
        return sorted(found, key=lambda each: each.ordinal)


def segment_streams(view: View, application: str) -> Collection[str]:
    """Return the streams of the segments that an application ever had."""
    if isinstance(view, RememberingView):
        return view.segment_streams(application)
    found, after, beginning = set[str](), 0, Segment.of(application, "").id
    while page := view.events(after, PAGE):
        streams = (event.originator_id for _, event in page)
        found.update(stream for stream in streams if stream.startswith(beginning))
        after = page[-1].position
    return found
