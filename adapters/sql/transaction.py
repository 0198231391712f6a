"""What a store changes within one transaction: ledger and read models together (R19)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from eventsourcing.persistence import IntegrityError
from sqlalchemy import Connection, delete

from addressee.adapters.mapper import EventMapper
from addressee.application import Changes, InstallationChange
from addressee.domain import Conflict, Event

from .compaction import Posting, Upkeep, number_terms, term_numbers
from .database import Database
from .prepared import Prepared
from .reader import SqlReader
from .recorder import insert_events
from .statements import pages, to_microseconds
from .tail import Tail


class SqlTransaction(SqlReader):
    """An open transaction of a store; whoever opened it commits or rolls back.

    Args:
        connection: with its transaction begun.
        prepared: statements on the store's tables.
        mapper: turns events into bytes and back.
        tail: knows which part of the ledger is settled.
        upkeep: the store's.
    """

    def __init__(
        self,
        connection: Connection,
        prepared: Prepared,
        mapper: EventMapper,
        tail: Tail,
        upkeep: Upkeep,
    ) -> None:
        super().__init__(connection, prepared, mapper, tail)
        self._upkeep = upkeep

    def append(self, events: Sequence[Event], changes: Changes) -> Sequence[int]:
        """Record events and what they change in the read models; raises Conflict."""
        stored = [*map(self._mapper.to_stored_event, events)]
        try:
            positions = insert_events(self._connection, self._prepared, stored)
        except IntegrityError:
            raise self._conflict(events) from None
        self._change_read_models(changes)
        return positions

    def touch(self, sessions: Mapping[str, datetime]) -> None:
        """Note that sessions are alive."""
        rows = [(name, to_microseconds(at)) for name, at in sessions.items()]
        self._prepared.touches.upsert(self._connection, rows)

    def _conflict(self, events: Sequence[Event]) -> Conflict:
        """Return which stream has moved on; the transaction is lost, so it is asked in no query."""
        first = events[0]
        expected = first.originator_version - 1
        return Conflict(first.originator_id, expected, expected + 1)

    def _change_read_models(self, changes: Changes) -> None:
        self._set_holders(changes.holders)
        self._set_segments(changes.segments)
        self._change_installations(changes.installations)

    def _set_segments(self, segments: Mapping[tuple[str, str], str | None]) -> None:
        table = self._schema.segment
        for application, name in (place for place, text in segments.items() if text is None):
            gone = (table.c.application == application) & (table.c.name == name)
            self._connection.execute(delete(table).where(gone))
        rows = [(*place, text.encode()) for place, text in segments.items() if text is not None]
        self._prepared.segments.upsert(self._connection, rows)

    def _set_holders(self, holders: Mapping[str, str | None]) -> None:
        table = self._schema.holder
        for page in pages(claim for claim, person in holders.items() if person is None):
            self._connection.execute(delete(table).where(table.c.claim.in_(page)))
        rows = [(claim, person) for claim, person in holders.items() if person]
        self._prepared.holders.upsert(self._connection, rows)

    def _change_installations(self, changes: Sequence[InstallationChange]) -> None:
        new = [(change.installation, change.application) for change in changes if change.new]
        self._prepared.installations.insert(self._connection, new)
        ordinals = self._ordinals_of({change.installation for change in changes})
        # Of several changes of one installation the last one counts.
        moved = {
            ordinals[change.installation]: (change.person, change.bound_at)
            for change in changes
            if change.moved
        }
        self._prepared.bindings.update(
            self._connection,
            [
                (ordinal, person, None if bound_at is None else to_microseconds(bound_at))
                for ordinal, (person, bound_at) in moved.items()
            ],
        )
        self._note(self._postings_of(changes, ordinals))

    def _note(self, postings: Sequence[Posting]) -> None:
        if postings:
            self._prepared.delta.insert(self._connection, postings)
            self._tidy(len(postings))

    def _ordinals_of(self, installations: Iterable[str]) -> dict[str, int]:
        """Return installation → ordinal."""
        found: dict[str, int] = {}
        for page in pages(installations):
            found.update(self._prepared.ordinals.rows(self._connection, page))
        return found

    def _postings_of(
        self, changes: Sequence[InstallationChange], ordinals: Mapping[str, int]
    ) -> list[Posting]:
        terms: dict[str, set[str]] = defaultdict(set)
        for change in changes:
            terms[change.application] |= change.gained | change.lost
        numbers = {
            application: self._number_terms(application, names)
            for application, names in terms.items()
        }
        return [
            (numbers[change.application][term], ordinals[change.installation], present)
            for change in changes
            for present, names in ((1, change.gained), (0, change.lost))
            for term in sorted(names)
        ]

    def _number_terms(self, application: str, terms: AbstractSet[str]) -> Mapping[str, int]:
        return number_terms(self._connection, self._prepared, application, terms)

    def _tidy(self, postings: int) -> None:
        self._upkeep.after(postings, self._connection, self._prepared)


class JoinedTransaction(SqlTransaction):
    """A transaction that the host will end, nobody knows when; so no other writer waits for it.

    Args:
        connection, prepared, mapper, tail, upkeep: as for any.
        database: the store's.
    """

    def __init__(  # noqa: PLR0913, PLR0917 # the store's parts, handed over once
        self,
        connection: Connection,
        prepared: Prepared,
        mapper: EventMapper,
        tail: Tail,
        upkeep: Upkeep,
        database: Database,
    ) -> None:
        super().__init__(connection, prepared, mapper, tail, upkeep)
        self._database = database

    def _number_terms(self, application: str, terms: AbstractSet[str]) -> Mapping[str, int]:
        """Give numbers to new terms in a transaction of its own: others want the same terms.

        SQLite has one writer, and that is the host.
        """
        known = term_numbers(self._connection, self._prepared, application, terms)
        if not (new := terms - known.keys()):
            return known
        if self._database.is_sqlite:
            return known | number_terms(self._connection, self._prepared, application, new)
        with self._database.writing() as own:
            return known | number_terms(own, self._prepared, application, new)

    def _tidy(self, postings: int) -> None:
        """Leave compaction to a command that commits at once."""
