"""All that a store holds, for checks of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from addressee.application import InstallationRow, Seal, Stored

from ..engine.compiled_query import from_microseconds
from ..event_store.seal_writer import seal_of, stored
from .address_rows import address_in
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
        columns = (table.c.ordinal, table.c.id, table.c.application, table.c.person)
        told = (where.c.service, where.c.address, where.c.details, where.c.since)
        both = table.outerjoin(where, where.c.ordinal == table.c.ordinal)
        found = select(*columns, table.c.bound_at, *told).select_from(both)
        for ordinal, name, application, person, at, *known in self._connection.execute(found):
            bound_at = None if at is None else from_microseconds(at)
            address = None if known[0] is None else address_in(*known)
            yield InstallationRow(ordinal, name, application, person, bound_at, address)

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
