"""All that a store holds, for checks of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, select

from addressee.application import InstallationRow, Mark, Seal, Stored, TimeSpan
from addressee.application.ports.records import address_in
from addressee.domain.times import from_microseconds

from ..audience_index.recipient_rows import address_place
from ..audience_index.term_dictionary import as_written
from ..event_store.seal_writer import seal_of, stored
from .transaction import SqlTransaction
from .view import SqlReader


class SqlAudit(SqlReader):
    """Everything within one open transaction, given statements with an empty cache."""

    def last(self) -> int:
        """Return the position of the last event."""
        found = self._prepared.last.rows(self._connection)
        return found[0][0] if found else 0

    def stored(self, after: int | None, limit: int, last: int | None = None) -> Sequence[Stored]:
        """Return events as they are stored."""
        return stored(self._connection, self._prepared, after, limit, last)

    def seals(self, after: int, limit: int) -> Sequence[Seal]:
        """Return seals behind a number."""
        table = self._schema.seal
        found = select(table).where(table.c.number > after).order_by(table.c.number).limit(limit)
        return [seal_of(row) for row in self._connection.execute(found)]

    def rows(self) -> Iterable[InstallationRow]:
        """Return every installation's row."""
        table, where = self._schema.installation, self._schema.address
        own = ("ordinal", "id", "application", "person", "bound_at", "flags")
        times = ("idle_from", "anonymous_from")
        columns = [*(table.c[name] for name in (*own, *times)), where.c.written]
        flagged = self.flagged()
        both = table.outerjoin(where, where.c.ordinal == table.c.ordinal)
        statement: Select[Any] = select(*columns).select_from(both)
        found: Sequence[Sequence[Any]] = self._connection.execute(statement)  # type: ignore[assignment] # rows are sequences
        for ordinal, name, application, person, at, noted, idle, free, written in found:
            flags = (noted or 0) if flagged else None
            if written is not None and self._sealing is not None:
                written = self._sealing.opened_value(address_place(ordinal), written)  # noqa: PLW2901 # the same in clear
            address = None if written is None else address_in(written)
            bound_at, *since = (
                None if time is None else from_microseconds(time) for time in (at, idle, free)
            )
            row = (ordinal, name, application, person, bound_at, address, flags)
            yield InstallationRow(*row, *since)

    def claims(self) -> Iterable[tuple[str, str]]:
        """Return every claim that is held."""
        table = self._schema.holder
        found = self._connection.execute(select(table.c.claim, table.c.person))
        return ((claim, person) for claim, person in found)

    def terms(self) -> Iterable[tuple[str, str]]:
        """Return application and term of all that have numbers; long ones as they are written."""
        table = self._schema.term
        found = self._connection.execute(select(table.c.application, table.c.term))
        return ((application, term) for application, term in found)

    def exact_marks(self) -> Sequence[Mark]:
        """Return the marks that show all events up to a position and none after it."""
        table = self._schema.index_mark
        columns = table.c.number, table.c.settled, table.c.last
        exact = select(*columns).where(table.c.settled == table.c.last).order_by(table.c.number)
        return [Mark(*row) for row in self._connection.execute(exact)]

    def time_spans(self) -> Sequence[TimeSpan]:
        """Return what is remembered of the times of events."""
        table = self._schema.time_span
        found = self._connection.execute(select(table).order_by(table.c.last))
        return [TimeSpan(*row) for row in found]

    def written(self, term: str) -> str:
        """Return how a term is written."""
        return as_written(term, self._prepared.index.term_key)


class AuditTransaction(SqlTransaction, SqlAudit):
    """A transaction that sees everything."""
