"""What a store changes within one transaction: ledger and read models together (R19)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cached_property
from typing import Any

from eventsourcing.persistence import IntegrityError
from sqlalchemy import Connection, delete, select

from addressee.application import Changes, InstallationChange
from addressee.application.ports.records import written_address
from addressee.domain import Address, Conflict, Event
from addressee.domain.times import microseconds_or_none, to_microseconds

from ..audience_index.generation_cache import GenerationCache
from ..audience_index.index_statements import CACHE_BYTES
from ..audience_index.postings_reader import Postings
from ..audience_index.recipient_rows import address_place
from ..audience_index.term_dictionary import add_terms, numbers_and_ordinals, still_there
from ..engine.bulk_write import Write
from ..engine.compiled_query import Read, pages
from ..engine.driver_errors import REFUSED
from ..event_store.append import RefusedRow, insert_events
from ..schema.bookkeeping_tables import fence_of
from .index_erasure import ERASURE, erased_by, forget_erased
from .shared_parts import Parts
from .view import SqlReader, segment_place

Rows = Sequence[Sequence[Any]]


class SqlTransaction(SqlReader):
    """An open transaction of a store; its opener commits or rolls back.

    Args:
        connection: with its transaction begun.
        parts: the store's.
        known: the rows of a query that came with the begin, if any did.
    """

    def __init__(
        self, connection: Connection, parts: Parts, known: tuple[Read, Rows] | None = None
    ) -> None:
        super().__init__(connection, parts)
        self._upkeep = parts.upkeep
        self._tail = parts.tail
        self._known = known

    def _rows(self, read: Read) -> Rows:
        """Return the rows of a query, once without running it where they are known."""
        if self._known is not None and self._known[0] == read:
            (_, rows), self._known = self._known, None
            return rows
        return super()._rows(read)

    @cached_property
    def _postings(self) -> Postings:
        """Use a cache of its own: what it reads may yet be rolled back."""
        return Postings(self._connection, self._prepared.index, GenerationCache(CACHE_BYTES))

    def append(self, events: Sequence[Event], changes: Changes) -> Sequence[int]:
        """Record events and what they change in the read models; raises Conflict."""
        return self._append(events, self._writes(changes))

    def conclude(
        self, events: Sequence[Event], changes: Changes, sessions: Mapping[str, datetime]
    ) -> Sequence[int]:
        """Record events, what they change and that sessions are alive; nothing follows."""
        return self._append(events, self._writes(changes) + self._touches(sessions), commits=True)

    def _append(
        self, events: Sequence[Event], beside: Sequence[Write], *, commits: bool = False
    ) -> Sequence[int]:
        sealing = self._sealing
        erased = erased_by((e.originator_id, e.TOPIC) for e in events if e.TOPIC in ERASURE)
        if sealing is None:
            rows = [*map(self._mapper.columns, events)]
        else:
            rows = sealing.columns(events, self.epoch)
        self._make_room(beside, len(rows))
        forget_erased(self, self._connection, self._prepared.index, erased)
        connection = self._connection
        try:
            return insert_events(connection, self._prepared, rows, beside, commits=commits)
        except IntegrityError as error:
            raise self._conflict(events, final=isinstance(error, RefusedRow)) from None

    def _touches(self, sessions: Mapping[str, datetime]) -> list[Write]:
        """Return what notes that sessions are alive, in an order in which no two deadlock."""
        rows = [(name, to_microseconds(at)) for name, at in sorted(sessions.items())]
        return [Write(self._prepared.touches, "upsert", rows)] if rows else []

    def skip_touched(
        self, application: str, before: datetime, limit: int, *, anonymous: bool = False
    ) -> int:
        """Note of installations that look idle when they were touched, so that none looks again."""
        table, touch = self._schema.installation, self._schema.touch
        since = self._idle_column(anonymous=anonymous)
        touched = (
            select(table.c.ordinal, touch.c.at)
            .join_from(table, touch, touch.c.installation == table.c.id)
            .where(table.c.application == application)
            .where(since <= to_microseconds(before))
            .where(touch.c.at > to_microseconds(before))
            .order_by(since)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = [tuple(row) for row in self._connection.execute(touched)]
        times = self._prepared.anonymous_times if anonymous else self._prepared.idle_times
        times.write(self._connection, "update", rows)
        return len(rows)

    def _writes(self, changes: Changes) -> list[Write]:
        """Return what is to be written to the read models' tables."""
        return [
            *self._set_holders(changes.holders),
            *self._set_segments(changes.segments),
            *self._change(changes.installations),
            *self._set_fences(changes.erased),
        ]

    def _make_room(self, written: Sequence[Write], events: int) -> None:
        """Compact the index now and then, before more is written to it."""
        postings = sum(len(w.values) for w in written if w.rows is self._prepared.delta)
        if added := max(postings, events):
            self._tidy(added)

    def _conflict(self, events: Sequence[Event], *, final: bool) -> Conflict:
        """Return which stream has moved on; the transaction is lost, so it is asked in no query."""
        problem = REFUSED if final else None
        first = events[0]
        expected = first.originator_version - 1
        return Conflict(first.originator_id, expected, expected + 1, problem, final=final)

    def _set_holders(self, holders: Mapping[str, str | None]) -> Iterator[Write]:
        """Yield what makes persons the holders of identifiers; what none holds goes at once."""
        table = self._schema.holder
        for page in pages(claim for claim, person in holders.items() if person is None):
            self._connection.execute(delete(table).where(table.c.claim.in_(page)))
        if rows := [(claim, person) for claim, person in holders.items() if person]:
            yield Write(self._prepared.holders, "upsert", rows)

    def _set_segments(self, segments: Mapping[tuple[str, str], str | None]) -> Iterator[Write]:
        """Yield what defines segments; those that are removed go at once."""
        table = self._schema.segment
        for application, name in (place for place, text in segments.items() if text is None):
            gone = (table.c.application == application) & (table.c.name == name)
            self._connection.execute(delete(table).where(gone))
        rows = [(*place, text.encode()) for place, text in segments.items() if text is not None]
        if (sealing := self._sealing) is not None:
            rows = [
                (code, name, sealing.value(segment_place(code, name), text))
                for code, name, text in rows
            ]
        if rows:
            yield Write(self._prepared.segments, "upsert", rows)

    def _set_fences(self, erased: Mapping[str, tuple[str, ...]]) -> Iterator[Write]:
        """Yield what has keys destroyed again, should a backup of theirs bring them back."""
        if erased:
            rows = [(fence_of(name), json.dumps(keys).encode()) for name, keys in erased.items()]
            yield Write(self._prepared.settings, "upsert", rows)

    def _change(self, changes: Sequence[InstallationChange]) -> Iterator[Write]:
        """Yield what changes owners and postings; new installations and terms are added at once."""
        self._register([(c.installation, c.application, *noted(c)) for c in changes if c.new])
        of_application: dict[str, list[InstallationChange]] = defaultdict(list)
        for change in changes:
            of_application[change.application].append(change)
        for application, group in of_application.items():
            yield from self._change_within(application, group)

    def _register(self, new: Sequence[tuple[str, str, int | None, int | None]]) -> None:
        """Give ordinals to new installations: ids, applications, flags and since when anonymous."""
        self._prepared.installations.insert(self._connection, new)

    def _change_within(
        self, application: str, changes: Sequence[InstallationChange]
    ) -> Iterator[Write]:
        terms = {term for change in changes for term in (*change.gained, *change.lost)}
        names = {change.installation for change in changes}
        index = self._prepared.index
        numbers, ordinals = self._numbered(application, terms, names)
        if unknown := terms - numbers.keys():
            numbers |= add_terms(self._connection, index, application, unknown)
        # Of several changes of one installation the last one counts.
        moved = {change.installation: change for change in changes if change.moved}
        changed = {c.installation: noted(c) for c in changes if c.flags is not None}
        if moved:
            bindings = [
                (ordinals[name], change.person, at, at, *changed[name])
                for name, change in moved.items()
                for at in (microseconds_or_none(change.bound_at),)
            ]
            yield Write(self._prepared.bindings, "update", bindings)
        written = {c.installation: noted(c) for c in changes if c.new}
        if others := [
            (ordinals[name], *now)
            for name, now in changed.items()
            if name not in moved and written.get(name) != now
        ]:
            yield Write(self._prepared.flags, "update", others)
        addresses = {
            ordinals[change.installation]: change.address
            for change in changes
            if change.readdressed
        }
        yield from self._set_addresses(addresses)
        if postings := [
            (numbers[term], ordinals[change.installation], present)
            for change in changes
            for present, names in ((1, change.gained), (0, change.lost))
            for term in sorted(names)
        ]:
            yield Write(self._prepared.delta, "insert", postings)

    def _numbered(
        self, application: str, terms: AbstractSet[str], names: AbstractSet[str]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Return term → number, and installation → ordinal, of those that there are."""
        index = self._prepared.index
        return numbers_and_ordinals(self._connection, index, application, terms, names)

    def _set_addresses(self, addresses: Mapping[int, Address | None]) -> Iterator[Write]:
        """Yield what writes addresses; those that are gone go at once."""
        table = self._schema.address
        for page in pages(ordinal for ordinal, address in addresses.items() if address is None):
            self._connection.execute(delete(table).where(table.c.ordinal.in_(page)))
        rows = [(n, written_address(address)) for n, address in addresses.items() if address]
        if (sealing := self._sealing) is not None:
            rows = [(n, sealing.value(address_place(n), written)) for n, written in rows]
        if rows:
            yield Write(self._prepared.addresses, "upsert", rows)

    def _tidy(self, added: int) -> None:
        index = self._prepared.index
        self._upkeep.after(added, self._connection, index, self._settled())

    def _settled(self) -> int:
        """Return a position up to which the ledger is settled."""
        return self._tail.known(self._connection)


class JoinedTransaction(SqlTransaction):
    """A transaction that the host will end at a time of its own."""

    def conclude(
        self, events: Sequence[Event], changes: Changes, sessions: Mapping[str, datetime]
    ) -> Sequence[int]:
        """Record the same; the host's transaction goes on."""
        return self._append(events, self._writes(changes) + self._touches(sessions))

    def _numbered(
        self, application: str, terms: AbstractSet[str], names: AbstractSet[str]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Return the same; raises Conflict for a term that was dropped since the host began."""
        numbers, ordinals = super()._numbered(application, terms, names)
        if not still_there(self._connection, self._schema, numbers.values()):
            raise Conflict("read models", 0, 1, "a term was dropped since the transaction began")
        return numbers, ordinals

    def _tidy(self, added: int) -> None:
        """Leave compaction to a command that commits at once."""


def noted(change: InstallationChange) -> tuple[int | None, int | None]:
    """Return flags, and since when an installation is anonymous, as its row has them."""
    return change.flags, microseconds_or_none(change.anonymous_from)
