"""The statements on the ledger's table, made once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from ..engine.bulk_write import Rows
from ..engine.compiled_query import Query, given, listed
from ..schema.tables import Schema

LAST = 2**63 - 1
"""No event has a higher position."""
KNOWN = 4
"""Of how many streams that are known up to a version one statement asks for the next event."""


class EventStatements:
    """Statements on a ledger's table.

    Args:
        schema: the tables.

    Attributes:
        events, copies: write rows; the constructor names their columns.
        in_order: reads events in ledger order; conditions can be added.
        recorded: reads events by stream and version; likewise.
        whole: reads whole streams.
        further: reads whole streams, and of a few others one event each, by stream and version.
        ends: reads stream → last version.
        last: reads the last position.
        page: reads events in ledger order, behind a position and up to another.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        event = schema.event
        self.events = Rows(event, "stream", "version", "topic", "state")
        self.copies = Rows(event, "position", "stream", "version", "topic", "state")
        columns = (event.c.position, event.c.stream, event.c.version, event.c.topic, event.c.state)
        self.in_order = select(*columns).order_by(event.c.position)
        self.recorded = recorded = select(*columns).order_by(event.c.stream, event.c.version)
        self.whole = Query(recorded.where(event.c.stream.in_(listed())))
        known = [
            and_(event.c.stream == given(f"stream{n}"), event.c.version == given(f"version{n}"))
            for n in range(KNOWN)
        ]
        self.further = Query(recorded.where(or_(event.c.stream.in_(listed()), *known)))
        self.ends = Query(
            select(event.c.stream, func.max(event.c.version))
            .where(event.c.stream.in_(listed()))
            .group_by(event.c.stream)
        )
        between = (event.c.position > given("after")) & (event.c.position <= given("last"))
        self.page = Query(self.in_order.where(between).limit(given("limit")))
        backwards = event.c.position.desc()
        self.last = Query(select(event.c.position).order_by(backwards).limit(1))

    def behind(
        self, after: int | None, limit: int, last: int | None = None
    ) -> Select[*tuple[Any, ...]]:
        """Return what reads events in ledger order.

        Args:
            after: the position after which they are; None begins with the lowest.
            limit: how many at most.
            last: the last position that counts; by default all do.
        """
        position = self.schema.event.c.position
        found = self.in_order.limit(limit)
        if after is not None:
            found = found.where(position > after)
        return found if last is None else found.where(position <= last)
