"""The statements of one store that every command needs, made once."""

from __future__ import annotations

from sqlalchemy import Integer, and_, func, literal_column, or_, select, union_all

from .index import Index
from .rows import Rows
from .schema import Schema
from .statements import Query, given, listed

KNOWN = 4
"""Of how many streams that are known up to a version one statement asks for the next event."""
NO, YES = literal_column("0", Integer()), literal_column("1", Integer())


class Prepared:
    """Statements on a store's tables.

    Args:
        schema: the tables.

    Attributes:
        events, copies, holders, installations, numbered_installations, bindings, delta, chunks,
            segments, touches: write rows; which columns, says the constructor.
        recorded: reads events by stream and version; conditions can be added.
        whole: reads whole streams.
        further: reads whole streams, and of a few others one event each, by stream and version.
        ends: reads stream → last version.
        last: reads the last position.
        places: reads term → number within an application, with a 0, and with a 1 installation →
            ordinal; both by one list.
        index: those that audiences need.
        span: reads the first and the last sequence of the delta.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        event, installation, term = schema.event, schema.installation, schema.term
        self.events = Rows(event, "stream", "version", "topic", "state")
        self.copies = Rows(event, "position", "stream", "version", "topic", "state")
        self.holders = Rows(schema.holder, "claim", "person")
        self.installations = Rows(installation, "id", "application")
        self.numbered_installations = Rows(installation, "ordinal", "id", "application")
        self.bindings = Rows(installation, "ordinal", "person", "bound_at")
        self.delta = Rows(schema.delta, "term", "ordinal", "present")
        self.chunks = Rows(schema.chunk, "term", "shard", "card", "checksum", "data")
        self.segments = Rows(schema.segment, "application", "name", "expression")
        self.touches = Rows(schema.touch, "installation", "at")
        self.recorded = recorded = select(
            event.c.position, event.c.stream, event.c.version, event.c.topic, event.c.state
        ).order_by(event.c.stream, event.c.version)
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
        backwards = event.c.position.desc()
        self.last = Query(select(event.c.position).order_by(backwards).limit(1))
        terms = (
            select(term.c.term, term.c.number, NO)
            .where(term.c.application == given("application"))
            .where(term.c.term.in_(listed()))
        )
        self.places = Query(
            union_all(
                terms,
                select(installation.c.id, installation.c.ordinal, YES).where(
                    installation.c.id.in_(listed())
                ),
            )
        )
        self.index = Index(schema)
        sequence = schema.delta.c.sequence
        first = select(sequence).order_by(sequence).limit(1)
        last = select(sequence).order_by(sequence.desc()).limit(1)
        self.span = Query(select(first.scalar_subquery(), last.scalar_subquery()))
