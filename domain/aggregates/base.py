"""What every aggregate can do: fold its events, and record new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from ..events import Category, Event, Facts
from ..values import Scalar


@dataclass(slots=True)
class Occasion:
    """The circumstances of one command, which all of its events carry (R29)."""

    timestamp: datetime
    actor: str
    correlation_id: str | None = None


Appliers = Mapping[type[Event], Callable[[Any, Any], None]]


class Aggregate:
    """State that is folded from one stream of events; a mutable aggregate to `eventsourcing`.

    Folding looks the event's type up in ``APPLIERS`` instead of asking each event whether it can
    mutate an aggregate, which `eventsourcing`'s own projector does and which is half of its cost.

    Args:
        name: the aggregate's own id; the stream is ``category:name``.
    """

    CATEGORY: ClassVar[Category]
    APPLIERS: ClassVar[Appliers]

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = f"{self.CATEGORY}:{name}"
        self.version = 0
        self.modified_on: datetime | None = None
        self.pending: list[Event] = []
        self.before: Self | None = None
        """What it was drafted from; new events started there."""

    @property
    def exists(self) -> bool:
        """Whether anything was ever recorded."""
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
        """Make an event, apply it, and keep it for the transaction."""
        fields |= {
            "originator_id": self.id,
            "originator_version": self.version + 1,
            "timestamp": occasion.timestamp,
            "actor": occasion.actor,
            "correlation_id": occasion.correlation_id,
        }
        # What the event's constructor does, which takes twice as long to do it.
        happened: Event = event.__pydantic_validator__.validate_python(fields)
        self.fold((happened,))
        self.pending.append(happened)

    def draft(self) -> Self:
        """Return a copy to record on, which leaves this state as it is; it knows it as ``before``.

        Each aggregate copies its own containers.
        """
        twin = object.__new__(type(self))
        twin.__dict__ = {**self.__dict__}
        twin.pending = []
        twin.before = self
        return twin

    @property
    def changed(self) -> bool:
        """Whether anything was recorded since it was drafted."""
        return self.before is not None and self.before.version != self.version

    def committed(self) -> Self:
        """Forget what it was drafted from, and return it: its events are in the ledger."""
        self.before = None
        return self

    def collect_events(self) -> list[Event]:
        """Hand over the events that were recorded since the last call."""
        pending, self.pending = self.pending, []
        return pending


def overwrite(known: dict[str, Scalar], changes: Facts) -> None:
    """Write changes over what is known; None removes."""
    for name, value in changes.items():
        if value is None:
            known.pop(name, None)
        else:
            known[name] = value


def differing(known: Mapping[str, Scalar], changes: Facts) -> Facts:
    """Return the changes that would change something; 1, 1.0 and True are not the same."""
    return {
        name: value
        for name, value in changes.items()
        if known.get(name) != value or type(known.get(name)) is not type(value)
    }


def tag_changes(
    known: AbstractSet[str], add: frozenset[str], remove: frozenset[str]
) -> dict[str, list[str]]:
    """Return the tags that really come and go, or nothing; a name in both goes."""
    added, removed = add - remove - known, remove & known
    return {"added": sorted(added), "removed": sorted(removed)} if added or removed else {}
