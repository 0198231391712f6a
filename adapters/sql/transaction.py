"""What a store changes within one transaction: ledger and read models together (R19)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from eventsourcing.persistence import IntegrityError
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from addressee.adapters.mapper import EventMapper
from addressee.application import Changes, InstallationChange
from addressee.domain import Conflict, Event

from .database import Database
from .postings import Posting, compact_if_long, note, number_terms, term_numbers
from .reader import SqlReader
from .recorder import insert_events
from .schema import Schema
from .statements import pages, to_microseconds, upsert
from .tail import Tail


class SqlTransaction(SqlReader):
    """An open transaction of a store; whoever opened it commits or rolls back."""

    def append(self, events: Sequence[Event], changes: Changes) -> Sequence[int]:
        """Record events and what they change in the read models; raises Conflict."""
        stored = [*map(self._mapper.to_stored_event, events)]
        try:
            positions = insert_events(self._connection, self._schema, stored)
        except IntegrityError:
            raise self._conflict(events) from None
        self._set_holders(changes.holders)
        self._change_installations(changes.installations)
        return positions

    def touch(self, sessions: Mapping[str, datetime]) -> None:
        """Note that sessions are alive."""
        rows = [{"installation": name, "at": to_microseconds(at)} for name, at in sessions.items()]
        upsert(self._connection, self._schema.touch, rows)

    def _conflict(self, events: Sequence[Event]) -> Conflict:
        """Return which stream has moved on; the transaction is lost, so it is asked in no query."""
        first = events[0]
        expected = first.originator_version - 1
        return Conflict(first.originator_id, expected, expected + 1)

    def _set_holders(self, holders: Mapping[str, str | None]) -> None:
        table = self._schema.holder
        for page in pages(claim for claim, person in holders.items() if person is None):
            self._connection.execute(delete(table).where(table.c.claim.in_(page)))
        rows = [{"claim": c, "person": person} for c, person in holders.items() if person]
        upsert(self._connection, table, rows)

    def _change_installations(self, changes: Sequence[InstallationChange]) -> None:
        ordinals = self._ordinals(changes)
        if moved := [
            {
                "at": ordinals[change.installation],
                "to": change.person,
                "since": None if change.bound_at is None else to_microseconds(change.bound_at),
            }
            for change in changes
            if change.moved
        ]:
            table = self._schema.installation
            self._connection.execute(
                update(table)
                .where(table.c.ordinal == bindparam("at"))
                .values(person=bindparam("to"), bound_at=bindparam("since")),
                moved,
            )
        if postings := self._postings_of(changes, ordinals):
            note(self._connection, self._schema, postings)
            self._tidy()

    def _ordinals(self, changes: Sequence[InstallationChange]) -> dict[str, int]:
        """Return installation → ordinal, giving ordinals to new ones in registration order."""
        table = self._schema.installation
        if new := [
            {"id": change.installation, "application": change.application}
            for change in changes
            if change.new
        ]:
            self._connection.execute(insert(table), new)
        found: dict[str, int] = {}
        for page in pages({change.installation for change in changes}):
            rows = select(table.c.id, table.c.ordinal).where(table.c.id.in_(page))
            found.update((name, ordinal) for name, ordinal in self._connection.execute(rows))
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
            for present, names in ((True, change.gained), (False, change.lost))
            for term in sorted(names)
        ]

    def _number_terms(self, application: str, terms: AbstractSet[str]) -> Mapping[str, int]:
        return number_terms(self._connection, self._schema, application, terms)

    def _tidy(self) -> None:
        compact_if_long(self._connection, self._schema)


class JoinedTransaction(SqlTransaction):
    """A transaction that the host will end, nobody knows when; so no other writer waits for it.

    Args:
        database: the store's.
    """

    def __init__(
        self,
        connection: Connection,
        schema: Schema,
        mapper: EventMapper,
        tail: Tail,
        database: Database,
    ) -> None:
        super().__init__(connection, schema, mapper, tail)
        self._database = database

    def _number_terms(self, application: str, terms: AbstractSet[str]) -> Mapping[str, int]:
        """Give numbers to new terms in a transaction of its own: others want the same terms.

        SQLite has one writer, and that is the host.
        """
        known = term_numbers(self._connection, self._schema, application, terms)
        if not (new := terms - known.keys()):
            return known
        if self._database.is_sqlite:
            return known | number_terms(self._connection, self._schema, application, new)
        with self._database.writing() as own:
            return known | number_terms(own, self._schema, application, new)

    def _tidy(self) -> None:
        """Leave compaction to a command that commits at once."""
