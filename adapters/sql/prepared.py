"""The statements of one store that every command needs, made once."""

from __future__ import annotations

from sqlalchemy import bindparam, or_, select, tuple_

from .index import Index
from .rows import Rows
from .schema import Schema
from .statements import Query, listed


class Prepared:
    """Statements on a store's tables.

    Args:
        schema: the tables.

    Attributes:
        events, holders, installations, bindings, delta, chunks, segments, touches: write rows;
            which columns, says the constructor.
        recorded: reads events by stream and version; conditions can be added.
        whole: reads whole streams.
        further: reads whole streams, and of others one event each by stream and version.
        last: reads the last position.
        ordinals: reads installation → ordinal.
        index: those that audiences need.
        span: reads the first and the last sequence of the delta.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        event, installation = schema.event, schema.installation
        self.events = Rows(event, "stream", "version", "topic", "state")
        self.holders = Rows(schema.holder, "claim", "person")
        self.installations = Rows(installation, "id", "application")
        self.bindings = Rows(installation, "ordinal", "person", "bound_at")
        self.delta = Rows(schema.delta, "term", "ordinal", "present")
        self.chunks = Rows(schema.chunk, "term", "shard", "card", "checksum", "data")
        self.segments = Rows(schema.segment, "application", "name", "expression")
        self.touches = Rows(schema.touch, "installation", "at")
        self.recorded = recorded = select(
            event.c.position, event.c.stream, event.c.version, event.c.topic, event.c.state
        ).order_by(event.c.stream, event.c.version)
        self.whole = Query(recorded.where(event.c.stream.in_(listed())))
        self.further = recorded.where(
            or_(
                event.c.stream.in_(bindparam("whole", expanding=True)),
                tuple_(event.c.stream, event.c.version).in_(bindparam("next", expanding=True)),
            )
        )
        backwards = event.c.position.desc()
        self.last = Query(select(event.c.position).order_by(backwards).limit(1))
        self.ordinals = Query(
            select(installation.c.id, installation.c.ordinal).where(installation.c.id.in_(listed()))
        )
        self.index = Index(schema)
        sequence = schema.delta.c.sequence
        first = select(sequence).order_by(sequence).limit(1)
        last = select(sequence).order_by(sequence.desc()).limit(1)
        self.span = Query(select(first.scalar_subquery(), last.scalar_subquery()))
