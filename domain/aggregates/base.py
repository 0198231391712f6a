"""The base of all aggregates: folds recorded events and records new ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self, TypeVar, cast

from ..events import Category, Event, stream_of
from ..values import Objects, Value


@dataclass(slots=True)
class Occasion:
    """Time, actor and correlation id of one command, which all of its events carry (R29)."""

    timestamp: datetime
    actor: str
    correlation_id: str | None = None


Appliers = Mapping[type[Event], Callable[[Any, Any], None]]


class Aggregate:
    """State folded from one stream of events; a mutable aggregate in `eventsourcing`'s terms.

    `fold` looks the event's type up in ``APPLIERS``. The projector of `eventsourcing` checks each
    event for a ``mutate`` method instead, which takes twice the time.

    Args:
        name: the aggregate's own id; the stream is ``category:name``.
    """

    CATEGORY: ClassVar[Category]
    APPLIERS: ClassVar[Appliers]

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = stream_of(self.CATEGORY, name)
        self.version = 0
        self.modified_on: datetime | None = None
        self.pending: list[Event] | tuple[()] = ()
        """New events of a draft. Only these need a list: the collector of cyclic garbage looks at
        each list of each state that is cached."""
        self.before: Self | None = None
        """The state that this draft was copied from, without the new events."""

    @property
    def exists(self) -> bool:
        """Whether the stream has any event."""
        return self.version > 0

    def fold(self, events: Iterable[Event]) -> Self:
        """Apply recorded events in order and return the aggregate itself."""
        appliers = self.APPLIERS
        for event in events:
            appliers[type(event)](self, event)
            self.version = event.originator_version
            self.modified_on = event.timestamp
        return self

    def record(self, event: type[Event], occasion: Occasion, **fields: object) -> None:
        """Create an event, apply it, and keep it for the transaction."""
        fields |= {
            "originator_id": self.id,
            "originator_version": self.version + 1,
            "timestamp": occasion.timestamp,
            "actor": occasion.actor,
            "correlation_id": occasion.correlation_id,
        }
        # The event's constructor does the same in twice the time.
        happened: Event = event.__pydantic_validator__.validate_python(fields)
        self.APPLIERS[event](self, happened)
        self.version = happened.originator_version
        self.modified_on = happened.timestamp
        if isinstance(self.pending, list):
            self.pending.append(happened)
        else:
            self.pending = [happened]

    def draft(self) -> Self:
        """Return a copy to record on; this state stays as it is, and is the copy's ``before``.

        Subclasses copy their own containers.
        """
        twin = object.__new__(type(self))
        twin.__dict__ = {**self.__dict__}
        twin.pending = ()
        twin.before = self
        return twin

    @property
    def changed(self) -> bool:
        """Whether this draft has recorded anything."""
        return self.before is not None and self.before.version != self.version

    def contents(self) -> Collection[object]:
        """Return everything in this state that there may be much of, or that may be large.

        A cache estimates its size from it, for every state that changes.
        """
        return ()

    def growth(self) -> dict[str, int]:
        """Return the sizes that this draft has increased, by the names of `Limits` (R57).

        What was larger before a limit came may stay and shrink.
        """
        return {}

    def committed(self) -> Self:
        """Return the aggregate without its ``before``, once its events are in the ledger."""
        self.before = None
        return self

    def collect_events(self) -> list[Event]:
        """Return the events recorded since the last call."""
        pending, self.pending = self.pending, ()
        return [*pending]


V = TypeVar("V", bound=Value)


def overwrite(known: dict[str, V], changes: Mapping[str, V | None]) -> None:
    """Apply changes to known values; None removes."""
    for name, value in changes.items():
        if value is None:
            known.pop(name, None)
        else:
            known[name] = value


def differing(known: Mapping[str, V], changes: Mapping[str, V | None]) -> dict[str, V | None]:
    """Return the changes that have an effect."""
    return {name: value for name, value in changes.items() if not same(known.get(name), value)}


def same(one: Value | None, other: Value | None) -> bool:
    """Whether two values are the same, also within objects; 1, 1.0 and True are different."""
    if type(one) is not type(other) or one != other:
        return False
    if not isinstance(one, tuple):
        return True
    pairs = zip(one, cast("Objects", other), strict=True)
    return all(type(a[name]) is type(b[name]) for a, b in pairs for name in a)


class Described(Protocol):
    """What has attributes and tags."""

    attributes: dict[str, Value]
    tags: set[str]


def grown(before: Described, now: Described) -> dict[str, int]:
    """Return the numbers of attributes and tags that have increased."""
    sizes: dict[str, int] = {}
    if len(now.attributes) > len(before.attributes):
        sizes["attributes"] = len(now.attributes)
    if len(now.tags) > len(before.tags):
        sizes["tags"] = len(now.tags)
    return sizes


def tag_changes(
    known: AbstractSet[str], add: frozenset[str], remove: frozenset[str]
) -> dict[str, list[str]]:
    """Return the tags that an event must add and remove, if any; a name in both is removed."""
    added, removed = add - remove - known, remove & known
    return {"added": sorted(added), "removed": sorted(removed)} if added or removed else {}
