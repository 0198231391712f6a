"""What a store changes within one transaction: ledger and read models together (R19)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from eventsourcing.persistence import IntegrityError
from sqlalchemy import bindparam, delete, insert, select, update

from addressee.application import Changes, InstallationChange
from addressee.domain import Conflict, Event

from .postings import Posting, note, number_terms
from .reader import SqlReader
from .recorder import insert_events
from .statements import pages, to_microseconds, upsert


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
        note(self._connection, self._schema, self._postings_of(changes, ordinals))

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
            application: number_terms(self._connection, self._schema, application, names)
            for application, names in terms.items()
        }
        return [
            (numbers[change.application][term], ordinals[change.installation], present)
            for change in changes
            for present, names in ((True, change.gained), (False, change.lost))
            for term in sorted(names)
        ]
