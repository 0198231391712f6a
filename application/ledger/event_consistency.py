"""What the events of a ledger must agree on with each other (R58)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from addressee.domain import (
    ErasureRequested,
    Event,
    IdentifierAdded,
    IdentifierClaim,
    IdentifierClaimed,
    IdentifierClaimRenamed,
    IdentifierKeyReplaced,
    IdentifierReleased,
    IdentifierRemoved,
    Person,
)
from addressee.domain.events import stream_of

from ..ports.records import Recorded
from ..read_models.ledger_page_end import HALVES, MERGES, half_of

CLAIMS: dict[type[Event], type[Event]] = {
    IdentifierAdded: IdentifierClaimed,
    IdentifierRemoved: IdentifierReleased,
}
"""What an event of a person says in the stream of the identifier's claim."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as the ledger says, or not as a ledger should be.

    Attributes:
        place: ``ledger``, ``seal``, ``stream``, ``person``, ``installation``, ``holder``,
            ``segment`` or ``term``.
        name: which one: a position, a seal's number and positions, a stream, an id, an application
            and a term.
        problem: what is wrong with it.
    """

    place: str
    name: str
    problem: str


class Versions:
    """Follows the versions of all streams, which begin with 1 and have no holes."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def unexpected(self, events: Iterable[tuple[str, int, int]]) -> Iterator[Difference]:
        """Follow the next events, stream, version and position of each; yield what is wrong."""
        for event in events:
            if (difference := self.follow(*event)) is not None:
                yield difference

    def follow(self, stream: str, version: int, position: int) -> Difference | None:
        """Follow the next event; return what is wrong with it, if anything."""
        expected = self._known.get(stream, 0) + 1
        self._known[stream] = version
        if version == expected:
            return None
        problem = f"version {version} at position {position}, {expected} was expected"
        return Difference("stream", stream, problem)


class Consistency:
    """Follows a ledger from its start.

    Each stream has versions from 1 without holes, and what a command records in two streams is in
    both: a sign-in or logout, a merge, and the claim on an identifier.

    Args:
        key: the newest identifier key, under which claims have their names (R5). Those that had
            others before say so when it replaces them.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._versions = Versions()
        self._found: list[Difference] = []
        self._pairs: dict[tuple[str, str, str, str], int] = {}
        """What two streams should both say: a topic, the streams, the rest → how often the first
        says it more than the second."""
        self._erased = Counter[tuple[str, str, str]]()
        """The same of erased identifiers, of which only the person's stream can be told."""
        self._held: dict[str, str] = {}
        """Claim → its holder."""
        self._rekeyed = False
        self._erasing = set[str]()
        """The streams of persons whose erasure has begun; a new key renames no claims of theirs."""
        self._renamed: dict[str, str] = {}
        """Claim → the one in which it goes on, under a newer identifier key."""

    def add(self, recorded: Recorded) -> None:
        """Follow the next event."""
        position, event = recorded
        unexpected = self._versions.follow(event.originator_id, event.originator_version, position)
        if unexpected is not None:
            self._found.append(unexpected)
        # By its very type: pydantic's isinstance takes longer than all else that is done here.
        if (follow := self.FOLLOWED.get(type(event))) is not None:
            follow(self, event)

    def _half(self, event: Event) -> None:
        if (half := half_of(event)) is not None:
            (topic, one, other), first = half
            # The half counts where it is, not where it says that it belongs.
            stream = event.originator_id
            one, other = (stream, other) if first else (one, stream)
            self._pair(topic, one, other, first=first)

    def _identifier(self, event: IdentifierAdded) -> None:
        person, topic = event.originator_id, CLAIMS[type(event)].__name__
        if event.value:
            name = IdentifierClaim.name_of(event.identifier, self._key)
            claim = stream_of(IdentifierClaim.CATEGORY, name)
            self._pair(topic, person, claim, event.kind, first=True)
        else:
            self._erased[topic, person, event.kind] += 1

    def _claim(self, event: IdentifierClaimed) -> None:
        claim, person = event.originator_id, stream_of(Person.CATEGORY, event.person)
        self._pair(type(event).__name__, person, claim, event.kind, first=False)
        if type(event) is IdentifierClaimed:
            self._held[claim] = event.person
        else:
            self._held.pop(claim, None)

    def _erasure(self, event: ErasureRequested) -> None:
        self._erasing.add(event.originator_id)

    def _new_key(self, _: IdentifierKeyReplaced) -> None:
        self._rekeyed = True

    def _renamed_claim(self, event: IdentifierClaimRenamed) -> None:
        self._rename(event.earlier, event.originator_id, event.person)

    def _rename(self, earlier: str, claim: str, person: str | None) -> None:
        if self._held.pop(earlier, None) != person or earlier in self._renamed:
            self._found.append(Difference("stream", claim, f"does not go on as {earlier} ends"))
        self._renamed[earlier] = claim
        if person is not None:
            self._held[claim] = person

    def _newest(self, stream: str) -> str:
        """Return the stream in which a claim goes on by now."""
        while stream in self._renamed:
            stream = self._renamed[stream]
        return stream

    def _pair(self, topic: str, one: str, other: str, kind: str = "", *, first: bool) -> None:
        pair = topic, one, other, kind
        if surplus := self._pairs.pop(pair, 0) + (1 if first else -1):
            self._pairs[pair] = surplus

    def differences(self) -> Iterator[Difference]:
        """Yield what the events so far do not agree on."""
        yield from self._found
        pairs = Counter[tuple[str, str, str, str]]()
        for (topic, one, other, kind), surplus in self._pairs.items():
            # A person's stream does not tell under which key a claim had its name.
            if self._rekeyed and surplus > 0 and one in self._erasing:
                self._erased[topic, one, kind] += surplus
            else:
                pairs[topic, one, self._newest(other), kind] += surplus
        for (topic, *streams, kind), surplus in sorted(pairs.items()):
            if not surplus:
                continue
            if surplus < 0 and self._erased[topic, streams[0], kind] >= -surplus:
                self._erased[topic, streams[0], kind] += surplus
                continue
            has, lacks = streams if surplus > 0 else streams[::-1]
            yield Difference("stream", lacks, f"lacks a {topic} that {has} has")

    FOLLOWED: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {
        **dict.fromkeys(HALVES | MERGES, _half),
        **dict.fromkeys(CLAIMS, _identifier),
        **dict.fromkeys(CLAIMS.values(), _claim),
        ErasureRequested: _erasure,
        IdentifierKeyReplaced: _new_key,
        IdentifierClaimRenamed: _renamed_claim,
    }
