"""The ledger's table behind `eventsourcing`'s recorder interfaces.

A store calls ``insert`` within its own transaction; the classes open one a call, and make this
package a persistence module for any application of `eventsourcing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    ProcessRecorder,
    Recorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from sqlalchemy import Connection, exc, func, insert, select, update

from ..engine.database import Database
from ..event_store.append import insert_events
from ..event_store.event_statements import EventStatements
from ..event_store.settled_reader import Tail
from ..schema.tables import Schema
from .polling_subscription import PollingSubscription


def insert_tracking(connection: Connection, schema: Schema, tracking: Tracking) -> None:
    """Move a follower's position on; raises IntegrityError if it is there already."""
    table = schema.tracking
    moved = connection.execute(
        update(table)
        .where(table.c.application_name == tracking.application_name)
        .where(table.c.notification_id < tracking.notification_id)
        .values(notification_id=tracking.notification_id)
    )
    if moved.rowcount:
        return
    try:
        connection.execute(
            insert(table).values(
                application_name=tracking.application_name,
                notification_id=tracking.notification_id,
            )
        )
    except exc.IntegrityError:
        problem = f"{tracking.application_name} is at {tracking.notification_id} or further already"
        raise IntegrityError(problem) from None


class SqlRecorder(Recorder):
    """What all recorders of this file are given.

    Args:
        database: where.
        schema: its tables; they must exist.
        uuids: whether streams are named by UUIDs, for applications that do, instead of text.
    """

    def __init__(self, database: Database, schema: Schema, *, uuids: bool = False) -> None:
        self._database = database
        self._schema = schema
        self._prepared = EventStatements(schema)
        self._id: Callable[[str], UUID | str] = UUID if uuids else str


class SqlAggregateRecorder(SqlRecorder, AggregateRecorder):
    """Keeps streams of events."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401 # the interface's own
    ) -> Sequence[int] | None:
        """Add events in one transaction; raises IntegrityError, and then nothing is added."""
        self._insert(stored_events, **kwargs)
        return None

    def _insert(
        self, stored_events: Sequence[StoredEvent], tracking: Tracking | None = None
    ) -> list[int]:
        with self._database.writing() as connection:
            if tracking is not None:
                insert_tracking(connection, self._schema, tracking)
            rows = [
                (str(e.originator_id), e.originator_version, e.topic, e.state)
                for e in stored_events
            ]
            return insert_events(connection, self._prepared, rows)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return a stream's events with versions above ``gt`` and up to ``lte``."""
        table = self._schema.event
        found = self._prepared.recorded.where(table.c.stream == str(originator_id))
        if gt is not None:
            found = found.where(table.c.version > gt)
        if lte is not None:
            found = found.where(table.c.version <= lte)
        if desc:
            found = found.order_by(None).order_by(table.c.version.desc())
        with self._database.reading() as connection:
            rows = connection.execute(found.limit(limit))
            return [StoredEvent(self._id(row[1]), row[2], row[3], row[4]) for row in rows]


class SqlApplicationRecorder(SqlAggregateRecorder, ApplicationRecorder):
    """Keeps streams of events and their order in the ledger; arguments as for all."""

    def __init__(self, database: Database, schema: Schema, *, uuids: bool = False) -> None:
        super().__init__(database, schema, uuids=uuids)
        self._tail = Tail(database, schema)

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        **kwargs: Any,  # noqa: ANN401 # the interface's own
    ) -> Sequence[int] | None:
        """Add events in one transaction and return their positions; raises IntegrityError."""
        return self._insert(stored_events, **kwargs)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return events in ledger order."""
        table = self._schema.event
        found = self._prepared.in_order
        if start is not None:
            after = start if inclusive_of_start else start + 1
            found = found.where(table.c.position >= after)
        if stop is not None:
            found = found.where(table.c.position <= stop)
        if topics:
            found = found.where(table.c.topic.in_(topics))
        rows = self._tail.rows(found.limit(limit))
        return [Notification(self._id(r[1]), r[2], r[3], r[4], r[0]) for r in rows]

    def max_notification_id(self) -> int | None:
        """Return the last position, or None for an empty ledger."""
        with self._database.reading() as connection:
            last = select(func.max(self._schema.event.c.position))
            return connection.execute(last).scalar_one_or_none()

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> PollingSubscription:
        """Follow the ledger from behind a position, waiting at its end."""
        return PollingSubscription(self, gt, topics)


class SqlTrackingRecorder(SqlRecorder, TrackingRecorder):
    """Keeps how far followers have come."""

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move a follower's position on; raises IntegrityError if it is there already."""
        with self._database.writing() as connection:
            insert_tracking(connection, self._schema, tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return a follower's position, or None before its first."""
        table = self._schema.tracking
        found = select(table.c.notification_id).where(table.c.application_name == application_name)
        with self._database.reading() as connection:
            return connection.execute(found).scalar_one_or_none()


class SqlProcessRecorder(SqlApplicationRecorder, SqlTrackingRecorder, ProcessRecorder):
    """Keeps events and, in the same transaction, how far their maker has come."""
