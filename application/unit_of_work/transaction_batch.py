"""Events and changes of the commands of one transaction, until the store appends them.

The positions of their events are known only when the store has appended them. Until then an event
stands at `PENDING` and its number in the batch, which is beyond every position of the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from addressee.domain import AddresseeError, Event

from ..ports.read_model_changes import Changes
from .aggregate_cache import Seen
from .repository import AggregateRepository
from .results import Result
from .unit_of_work import Rules, UnitOfWork

PENDING = 2**62


@dataclass(slots=True)
class Batch:
    """Events, changes and touches that go to the store together.

    Attributes:
        repository: reads aggregates, and gives later commands the states that earlier ones left.
        rules: the host's choices for all commands.
        recorded: stream → the last of those states, with the place of its last event.
        size: how many events and postings it has.
    """

    repository: AggregateRepository
    rules: Rules
    events: list[Event] = field(default_factory=list[Event])
    changes: Changes = field(default_factory=Changes)
    touches: dict[str, datetime] = field(default_factory=dict[str, datetime])
    recorded: dict[str, Seen] = field(default_factory=dict[str, Seen])
    size: int = 0

    def add(self, work: UnitOfWork) -> int:
        """Take over a command's events; return the place of the newest one it read or recorded."""
        self.touches |= work.touches
        finished = work.finish()
        if finished is None:
            return work.position
        events, changes, aggregates = finished
        self.events += events
        self.changes.then(changes)
        self.size += len(events) + changes.postings
        place = PENDING + len(self.events) - 1
        for aggregate in aggregates:
            self.recorded[aggregate.id] = seen = Seen(aggregate, place)
            self.repository.keep(seen)
        return place


def final(place: int, positions: Sequence[int]) -> int:
    """Return the ledger position of a place, now that the batch's positions are known."""
    return positions[place - PENDING] if place >= PENDING else place


def placed(
    outcome: Result | AddresseeError, place: int, positions: Sequence[int]
) -> Result | AddresseeError:
    """Return a result with the ledger position of its place, or a refusal as it is."""
    if not isinstance(outcome, AddresseeError):
        # Nobody has it yet, so that no copy is needed, which takes ten times as long.
        object.__setattr__(outcome, "position", final(place, positions))
    return outcome
