"""What a store asks of the recorder that keeps its ledger."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    PersistenceError,
)
from sqlalchemy import Connection

from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.adapters.sql.unit_of_work.shared_parts import Parts
from addressee.adapters.sql.unit_of_work.view import SqlReader
from addressee.application import Changes
from addressee.domain import Action, Conflict, Event, StoreUnavailable


class RecorderTransaction(SqlReader):
    """What a command reads of the copy, and appends to the ledger.

    Args:
        connection: with a transaction of the copy's begun.
        parts: the copy's.
        ledger: the recorder.
        close: ends the view; the ledger may have its connections of the same pool.
    """

    def __init__(
        self,
        connection: Connection,
        parts: Parts,
        ledger: ApplicationRecorder,
        close: Callable[[], None],
    ) -> None:
        super().__init__(connection, parts)
        self._ledger = ledger
        self._close = close
        self.position = 0
        """Of the last event that was appended."""
        self.touches: Mapping[str, datetime] = {}

    def append(self, events: Sequence[Event], changes: Changes) -> Sequence[int]:  # noqa: ARG002 # the projection finds them
        """End the view and record events; raises Conflict, and then none is recorded."""
        self._close()
        stored = [*map(self._mapper.to_stored_event, events)]
        try:
            with unavailable():
                positions = self._ledger.insert_events(stored)
        except IntegrityError:
            expected = events[0].originator_version - 1
            raise Conflict(events[0].originator_id, expected, expected + 1) from None
        if not positions:
            raise StoreUnavailable("the ledger's recorder gives no positions")
        self.position = positions[-1]
        return positions

    def skip_touched(  # it can't write
        self,
        application: str,  # noqa: ARG002 # likewise
        before: datetime,  # noqa: ARG002 # likewise
        limit: int,  # noqa: ARG002 # likewise
        *,
        anonymous: bool = False,  # noqa: ARG002 # likewise
    ) -> int:
        """Do nothing: the copy is only read here."""
        return 0

    def conclude(
        self, events: Sequence[Event], changes: Changes, sessions: Mapping[str, datetime]
    ) -> Sequence[int]:
        """Do the same, and note that sessions are alive once it is done."""
        self.touches = sessions
        return self.append(events, changes) if events else ()


@contextmanager
def unavailable() -> Generator[None]:
    """Raise StoreUnavailable where a recorder fails; what is there already is for the caller."""
    try:
        yield
    except IntegrityError:
        raise
    except PersistenceError as error:
        raise StoreUnavailable(f"the ledger did not do its work: {error}") from None


def read(ledger: ApplicationRecorder, after: int, limit: int) -> list[Notification]:
    """Return the next events of a ledger; raises StoreUnavailable."""
    with unavailable():
        return [*ledger.select_notifications(after, limit, inclusive_of_start=False)]


def appended(ledger: ApplicationRecorder, mapper: EventMapper, action: Action) -> int:
    """Add an action as the next event of its stream, and return its position.

    Raises:
        StoreUnavailable: the ledger did not do its work.
    """
    while True:
        with unavailable(), suppress(IntegrityError):  # another process was faster
            newest = ledger.select_events(action.stream, desc=True, limit=1)
            before = [*map(mapper.to_domain_event, newest)]
            following = action.following(before[0] if before else None)
            [position] = ledger.insert_events([mapper.to_stored_event(following)]) or [0]
            return position
