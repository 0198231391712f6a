"""What callers did beside commands, on its way into the ledger (R60)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eventsourcing.persistence import IntegrityError
from sqlalchemy import Connection, select

from addressee.application.ports.records import LARGEST_POSITION
from addressee.domain import Action, Conflict, Event, StoreFollows

from ..event_store.append import insert_events
from .shared_parts import Parts
from .view import SqlReader

Log = Callable[[Connection, Sequence[Action]], None]
"""Takes actions that are done in an open transaction."""


@dataclass(frozen=True, slots=True)
class ActionLog:
    """Adds actions to the ledger of a store.

    Args:
        parts: the store's.
        check: raises StoreFollows where the ledger is a copy, StoreUnavailable where it is another
            one than before.
    """

    parts: Parts
    check: Callable[[Connection], None]

    def __call__(self, connection: Connection, actions: Sequence[Action]) -> None:
        """Add actions within a transaction that began as a writer's; raises Conflict.

        The rows of their applications are locked, so that callers of one wait for each other.
        """
        try:
            self.check(connection)
        except StoreFollows:
            return
        if not self.parts.prepared.last.rows(connection):
            return
        of_stream: dict[str, list[Action]] = defaultdict(list)
        for action in actions:
            of_stream[action.stream].append(action)
        table = self.parts.prepared.schema.application
        codes = {each.concerns for each in actions if each.concerns is not None}
        rows = select(table.c.code).where(table.c.code.in_(codes)).order_by(table.c.code)
        connection.execute(rows.with_for_update()).all()
        events = [
            event
            for stream, new in of_stream.items()
            for event in self._placed(connection, stream, new)
        ]
        columns = [*map(self.parts.mapper.columns, events)]  # none has anything to seal
        try:
            insert_events(connection, self.parts.prepared, columns)
        except IntegrityError:
            first = events[0]
            expected = first.originator_version - 1
            raise Conflict(first.originator_id, expected, expected + 1) from None

    def _placed(
        self, connection: Connection, stream: str, actions: Sequence[Action]
    ) -> Sequence[Action]:
        """Return actions as the next events of their stream."""
        last = SqlReader(connection, self.parts).newest(stream, 1, LARGEST_POSITION)
        newest: Event | None = last[0].event if last else None
        placed: list[Action] = []
        for action in actions:
            newest = action.following(newest)
            placed.append(newest)
        return placed
