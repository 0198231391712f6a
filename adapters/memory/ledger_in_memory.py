"""The ledger in memory: `eventsourcing`'s own, with the positions of another's where it has any."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.popo import POPOProcessRecorder

from addressee.application import Stored
from addressee.domain import LedgerFileInvalid


class MemoryRecorder(POPOProcessRecorder):
    """The stock in-memory recorder, which also returns positions of events.

    The stock one knows places in a list; positions are those plus 1, until it is filled with events
    of a ledger that has left some positions out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._filled: list[int] = []

    def fill(self, events: Sequence[Stored]) -> None:
        """Take events of another ledger, before any of its own; raises LedgerFileInvalid."""
        self._filled += [event.position for event in events]
        try:
            self.insert_events([StoredEvent(*event[1:]) for event in events])
        except IntegrityError:
            place = f"positions {events[0].position} to {events[-1].position}"
            raise LedgerFileInvalid(place, "a stream has a version twice") from None

    def insert(self, events: Sequence[StoredEvent]) -> list[int]:
        """Add events and return their positions; raises IntegrityError."""
        numbers = self.insert_events(events) or ()
        return [self._position(number - 1) for number in numbers]

    def last(self) -> int:
        """Return the last event's position; 0 if there is none."""
        return self._position(len(self._stored_events) - 1)

    def select_positioned(self, stream: str, gt: int) -> list[tuple[int, StoredEvent]]:
        """Return a stream's events after a version, with their positions."""
        places = self._stored_events_index.get(stream, {})
        # A ledger that was damaged may lack a version; a check of the store says so.
        versions = range(gt + 1, next(reversed(places), 0) + 1)
        newer = [places[version] for version in versions if version in places]
        return [(self._position(place), self._stored_events[place]) for place in newer]

    def select_behind(
        self, after: int, limit: int, last: int | None = None
    ) -> list[tuple[int, StoredEvent]]:
        """Return up to ``limit`` events after a position, and up to another, with theirs."""
        filled = self._filled
        start = bisect_right(filled, after)
        if start == len(filled):
            start = after - self._left_out()
        found = self._stored_events[start : start + limit]
        numbered = [(self._position(place), event) for place, event in enumerate(found, start)]
        return [each for each in numbered if last is None or each[0] <= last]

    def _position(self, place: int) -> int:
        filled = self._filled
        return filled[place] if 0 <= place < len(filled) else place + 1 + self._left_out()

    def _left_out(self) -> int:
        """Return how many positions the events that were filled in have left out."""
        return self._filled[-1] - len(self._filled) if self._filled else 0
