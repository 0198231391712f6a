"""A view of a store as it was: the present, with what has changed since taken back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet

from pyroaring import BitMap

from addressee.domain import IdentifierClaim, Installation
from addressee.domain.events import name_in

from ..ports.records import Recipient, Recorded
from ..ports.views import SHARD_BITS, View
from .erased import erased_of
from .folded import Horizon
from .later_changes import LaterChanges, groups
from .streams import PastStreams, devices_of, owners_in


class TakenBack:
    """Shows ledger and read models as they were up to a position.

    What each method gives is said at the ports.

    Args:
        view: of the present.
        horizon: of the position.
        later: what has changed since, up to the view.
        end: the last position that counts.
    """

    def __init__(self, view: View, horizon: Horizon, later: LaterChanges, end: int) -> None:
        self._view = view
        self._horizon = horizon
        self._later = later
        self._end = end

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events after a version, as many as there were."""
        found = self._view.streams(after).items()
        cut = {s: [each for each in events if each.position <= self._end] for s, events in found}
        return {stream: events for stream, events in cut.items() if events}

    def events(self, after: int, limit: int, last: int | None = None) -> Sequence[Recorded]:
        """Return events after a position, as many as there were."""
        return self._view.events(after, limit, min(self._end, self._end if last is None else last))

    def bound(self, application: str, claims: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return claim stream → ordinals."""
        streams = PastStreams(self._view, self._horizon, self._end)
        streams.read(claims)
        held = {
            claim: IdentifierClaim(name_in(claim)).fold(streams.events(claim)).holder
            for claim in claims
        }
        erased = erased_of(self._view, held.values())
        found: dict[str, BitMap] = {}
        for claim, holder in held.items():
            owner = None if holder in erased else holder
            names = frozenset(devices_of(streams, owner, application))
            found[claim] = BitMap(self._view.ordinals(application, names).values())
        return found

    def ordinals(self, application: str, installations: AbstractSet[str]) -> Mapping[str, int]:
        """Return installation → ordinal."""
        streams = PastStreams(self._view, self._horizon, self._end)
        streams.read(Installation(name).id for name in installations)
        found = self._view.ordinals(application, installations)
        return {n: o for n, o in found.items() if streams.recorded(Installation(n).id)}

    def shards(self, application: str, terms: AbstractSet[str]) -> Mapping[str, Mapping[int, int]]:
        """Return term → shard → about how many postings."""
        now = self._view.shards(application, terms)
        found = {term: dict(now.get(term, {})) for term in terms}
        for term, sizes in found.items():
            # A copy, made at once: another thread may follow the ledger meanwhile.
            for ordinal in self._later.terms.get((application, term), BitMap()).to_array():
                sizes[ordinal >> SHARD_BITS] = sizes.get(ordinal >> SHARD_BITS, 0) + 1
        return found

    def postings(
        self, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        """Return term → ordinals in a run of shards."""
        now = self._view.postings(application, terms, shards)
        changed = self._later.changed.get(application, BitMap())
        run = BitMap(range(shards.start << SHARD_BITS, shards.stop << SHARD_BITS))
        found: dict[str, BitMap] = {}
        for term in terms:
            then = self._later.terms.get((application, term), BitMap()) & run
            found[term] = (now[term] - changed) | then if term in now else then
        return found

    def segments(
        self, application: str, names: AbstractSet[str] | None = None
    ) -> Mapping[str, str]:
        """Return name → expression."""
        found = dict(self._view.segments(application, names))
        for (where, name), expression in [*self._later.segments.items()]:
            if where == application and (names is None or name in names):
                found.pop(name, None)
                if expression is not None:
                    found[name] = expression
        return found

    def names(self, ordinals: Sequence[int]) -> Sequence[str]:
        """Return the ids of installations, which never change."""
        return self._view.names(ordinals)

    def recipients(self, ordinals: Sequence[int]) -> Collection[Recipient]:
        """Return installations with their addresses."""
        changed = BitMap.union(BitMap(), *[*self._later.changed.values()])
        found = [*self._view.recipients([o for o in ordinals if o not in changed])]
        others = [ordinal for ordinal in ordinals if ordinal in changed]
        names = dict(zip(self._view.names(others), others, strict=True))
        for group in groups(names):
            streams = PastStreams(self._view, self._horizon, self._end)
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
