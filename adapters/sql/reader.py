"""What a store shows within one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, Join, case, select

from addressee.adapters.mapper import EventMapper
from addressee.application import Recorded

from .postings import postings, shards, term_numbers
from .prepared import KNOWN, Prepared
from .statements import from_microseconds, pages, to_microseconds
from .tail import Tail

UNKNOWN = [(None, None)] * KNOWN


class SqlReader:
    """Ledger and read models as one open transaction sees them.

    Args:
        connection: with its transaction begun.
        prepared: statements on the store's tables.
        mapper: turns bytes into events.
        tail: knows which part of the ledger is settled.
    """

    def __init__(
        self, connection: Connection, prepared: Prepared, mapper: EventMapper, tail: Tail
    ) -> None:
        self._connection = connection
        self._prepared = prepared
        self._schema = prepared.schema
        self._mapper = mapper
        self._tail = tail

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        """Return stream → its events behind a version.

        Of streams that are known up to a version, only the next event is asked for, so that one
        statement serves them all; where there is one, the rest follows in a second.
        """
        table = self._schema.event
        whole = [stream for stream, version in after.items() if version == 0]
        next_ones = [(stream, version + 1) for stream, version in after.items() if version]
        found: dict[str, list[Recorded]] = defaultdict(list)
        if not next_ones:
            for page in pages(whole):
                self._gather(found, self._prepared.whole.rows(self._connection, page))
            return found
        listed = [*pages(whole)] or [[""]]
        for page in listed[1:]:
            self._gather(found, self._prepared.whole.rows(self._connection, page))
        for group in pages(next_ones, KNOWN):
            named: dict[str, object] = {}
            for n, (stream, version) in enumerate([*group, *UNKNOWN][:KNOWN]):
                named |= {f"stream{n}": stream, f"version{n}": version}
            rows = self._prepared.further.rows(self._connection, listed[0], **named)
            self._gather(found, rows)
            listed[0] = [""]
        for stream, version in next_ones:
            if stream in found:
                rest = (table.c.stream == stream) & (table.c.version > version + 1)
                self._gather(found, self._connection.execute(self._prepared.recorded.where(rest)))
        return found

    def _gather(self, found: dict[str, list[Recorded]], rows: Iterable[Sequence[Any]]) -> None:
        """Add recorded events to those that were found of their streams."""
        for position, stream, version, topic, state in rows:
            event = self._mapper.event(stream, version, topic, state)
            found[stream].append(Recorded(position, event))

    def events(self, after: int, limit: int) -> Sequence[Recorded]:
        """Return events behind a position, in ledger order."""
        table = self._schema.event
        rows = self._tail.rows(
            select(table.c.position, table.c.stream, table.c.version, table.c.topic, table.c.state)
            .where(table.c.position > after)
            .order_by(table.c.position)
            .limit(limit),
            self._connection,
        )
        event = self._mapper.event
        return [Recorded(row[0], event(row[1], row[2], row[3], row[4])) for row in rows]

    def holders(self, claims: Sequence[str]) -> Mapping[str, str]:
        """Return claim stream → person."""
        table = self._schema.holder
        found: dict[str, str] = {}
        for page in pages(claims):
            rows = select(table.c.claim, table.c.person).where(table.c.claim.in_(page))
            found.update((claim, person) for claim, person in self._connection.execute(rows))
        return found

    def owned(self, application: str, persons: AbstractSet[str]) -> Mapping[str, BitMap]:
        """Return person → ordinals."""
        table = self._schema.installation
        found: dict[str, BitMap] = defaultdict(BitMap)
        for page in pages(persons):
            rows = select(table.c.person, table.c.ordinal).where(
                table.c.person.in_(page), table.c.application == application
            )
            for person, ordinal in self._connection.execute(rows):
                found[person].add(ordinal)
        return found

    def ordinals(self, application: str, installations: AbstractSet[str]) -> Mapping[str, int]:
        """Return installation → ordinal."""
        table = self._schema.installation
        found: dict[str, int] = {}
        for page in pages(installations):
            rows = select(table.c.id, table.c.ordinal).where(
                table.c.id.in_(page), table.c.application == application
            )
            found.update((name, ordinal) for name, ordinal in self._connection.execute(rows))
        return found

    def shards(self, application: str, terms: AbstractSet[str]) -> Mapping[str, Mapping[int, int]]:
        """Return term → shard → about how many postings."""
        numbers = term_numbers(self._connection, self._prepared, application, terms)
        found = shards(self._connection, self._schema, numbers.values())
        return {term: found[number] for term, number in numbers.items() if number in found}

    def postings(
        self, application: str, terms: AbstractSet[str], shard: int
    ) -> Mapping[str, BitMap]:
        """Return term → ordinals in a shard."""
        numbers = term_numbers(self._connection, self._prepared, application, terms)
        found = postings(self._connection, self._schema, numbers.values(), shard)
        return {term: found[number] for term, number in numbers.items() if number in found}

    def names(self, ordinals: Sequence[int]) -> Sequence[str]:
        """Return the ids of installations."""
        table = self._schema.installation
        found: dict[int, str] = {}
        for page in pages(ordinals):
            rows = select(table.c.ordinal, table.c.id).where(table.c.ordinal.in_(page))
            found.update((ordinal, name) for ordinal, name in self._connection.execute(rows))
        return [found[ordinal] for ordinal in ordinals]

    def idle(self, application: str, before: datetime, limit: int) -> Sequence[str]:
        """Return bound installations that nobody used since ``before``."""
        table = self._schema.installation
        rows = (
            select(table.c.id)
            .select_from(self._with_touches())
            .where(table.c.application == application, table.c.person.is_not(None))
            .where(self._seen() <= to_microseconds(before))
            .order_by(table.c.ordinal)
            .limit(limit)
        )
        return self._connection.execute(rows).scalars().all()

    def last_seen(self, installation: str) -> datetime | None:
        """Return when a bound installation was bound or last touched."""
        table = self._schema.installation
        found = self._connection.execute(
            select(self._seen())
            .select_from(self._with_touches())
            .where(table.c.id == installation, table.c.person.is_not(None))
        ).scalar_one_or_none()
        return None if found is None else from_microseconds(found)

    def _with_touches(self) -> Join:
        """Return installations beside their signs of life."""
        table, touch = self._schema.installation, self._schema.touch
        return table.outerjoin(touch, touch.c.installation == table.c.id)

    def _seen(self) -> ColumnElement[int]:
        """Return the later of binding and last touch."""
        bound_at, at = self._schema.installation.c.bound_at, self._schema.touch.c.at
        return case((at > bound_at, at), else_=bound_at)
