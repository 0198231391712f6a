"""The audience index within one transaction, as it is and as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from pyroaring import BitMap
from sqlalchemy import Connection, func, or_, select

from addressee.adapters.serialization.sealed_event_format import Locked
from addressee.application import Mark, Trace
from addressee.domain import Event, Segment, StoreSealed

from ..audience_index.postings_reader import Postings
from ..engine.dialects import dialect_of
from ..engine.epochs import epoch_of
from .shared_parts import Parts


class IndexView:
    """Postings and their past as one open transaction sees them.

    Args:
        connection: with its transaction begun.
        parts: the store's.

    Attributes:
        epoch: of the store, as the transaction sees it.
    """

    def __init__(self, connection: Connection, parts: Parts) -> None:
        self._connection = connection
        self.epoch = epoch_of(connection)
        self._prepared = parts.prepared
        self._schema = parts.prepared.schema
        self._mapper = parts.mapper
        self._sealing = parts.sealing

    @cached_property
    def _postings(self) -> Postings:
        index = self._prepared.index
        return Postings(self._connection, index, index.cache)

    def shards(self, application: str, terms: AbstractSet[str]) -> Mapping[str, Mapping[int, int]]:
        """Return term → shard → about how many postings."""
        numbers = self._numbers(application, terms)
        found = self._postings.shards(numbers.values())
        return {term: found[number] for term, number in numbers.items()}

    def postings(
        self, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        """Return term → ordinals in a run of shards."""
        numbers = self._numbers(application, terms)
        found = self._postings.within(numbers.values(), shards)
        return {term: found[number] for term, number in numbers.items()}

    def marks(self, position: int, settled: int) -> tuple[Mark, Mark | None] | None:
        """Return the last mark before a position, and the first one after it."""
        return self._prepared.index.marks.around(self._connection, position, settled)

    def shards_at(
        self, mark: Mark, application: str, terms: AbstractSet[str]
    ) -> Mapping[str, Mapping[int, int]]:
        """Return term → shard → about how many postings at a mark."""
        numbers = self._numbers(application, terms)
        found = self._postings.shards_at(mark.number, numbers.values())
        return {term: found[number] for term, number in numbers.items()}

    def postings_at(
        self, mark: Mark, application: str, terms: AbstractSet[str], shards: range
    ) -> Mapping[str, BitMap]:
        """Return term → ordinals in a run of shards at a mark."""
        numbers = self._numbers(application, terms)
        found = self._postings.within_at(mark.number, numbers.values(), shards)
        return {term: found[number] for term, number in numbers.items()}

    def forgotten(self, mark: Mark) -> BitMap:
        """Return ordinals of which a mark shows nothing that counts."""
        return self._prepared.index.marks.forgotten(self._connection, mark.number)

    def traces(self, after: int, limit: int, last: int) -> Sequence[Trace]:
        """Return events without states."""
        time = self._mapper.timestamp
        rows = self._prepared.page.rows(self._connection, after=after, limit=limit, last=last)
        return [(position, *event[:-1], time(*event)) for position, *event in rows]

    def events_of(
        self, topics: Collection[str], after: int, limit: int, last: int
    ) -> Sequence[tuple[int, Event | None]]:
        """Return events of some topics, and where the others are."""
        rows = self._prepared.page.rows(self._connection, after=after, limit=limit, last=last)
        read = [row for row in rows if row[3] in topics]
        opened = read if self._sealing is None else self._sealing.opened(read)
        events = {position: self._mapper.event(*event) for position, *event in opened}
        return [(row[0], events.get(row[0])) for row in rows]

    def changed(
        self, after: int, last: int, kinds: Mapping[str, Collection[str]]
    ) -> Iterator[tuple[str, int]]:
        """Yield stream and lowest version of events in a range."""
        event = self._schema.event.c
        counted = (
            event.stream.startswith(f"{category}:", autoescape=True) & event.topic.not_in(others)
            for category, others in kinds.items()
        )
        found = (
            select(event.stream, func.min(event.version))
            .where(event.position > after, event.position <= last, or_(*counted))
            .group_by(event.stream)
        )
        yield from self._connection.execute(found).all()  # one by one is a call each

    def segment_streams(self, application: str) -> Collection[str]:
        """Return the streams of all segments that an application ever had."""
        stream, prefix = self._schema.event.c.stream, Segment.of(application, "").id
        found = select(stream).distinct().where(stream.startswith(prefix, autoescape=True))
        if dialect_of(self._connection).by_code:  # so that an index serves it
            after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
            found = found.where(stream >= prefix, stream < after)
        return self._connection.execute(found).scalars().all()

    def _numbers(self, application: str, terms: AbstractSet[str]) -> Mapping[str, int]:
        """Return term → its number; raises StoreSealed where the names of terms are hidden."""
        if isinstance(self._sealing, Locked):
            raise StoreSealed
        return self._postings.numbers(application, frozenset(terms))
