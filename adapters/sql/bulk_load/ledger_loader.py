"""Filling an empty store with another one's ledger, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from sqlalchemy import exc, update

from addressee.application import Changes, Stored
from addressee.domain import Event, LedgerFileInvalid, StoreNotEmpty

from ..engine.dialects import dialect_of
from ..event_store.positions import ordering_on
from ..schema.bookkeeping_tables import IDENTIFIER_KEY, INDEXED
from .index_loader import IndexLoading


class LedgerFilling(IndexLoading):
    """Fills ledger and read models while all other writers wait."""

    def begin(self, key: bytes, indexed: AbstractSet[str]) -> None:
        """Block other writers, and store key and attributes; raises StoreNotEmpty."""
        setting = self._schema.setting
        ordering_on(self._connection).keep_writers_out(self._connection, self._schema)
        if self._prepared.last.rows(self._connection):
            raise StoreNotEmpty
        kept = {IDENTIFIER_KEY: key, INDEXED: json.dumps(sorted(indexed)).encode()}
        for name, value in kept.items():
            row = update(setting).where(setting.c.name == name).values(value=value)
            self._connection.execute(row)

    def event(self, stored: Stored) -> Event:
        """Return what an event says; raises StoreDamaged if it can't be read."""
        return self._mapper.event(stored.stream, stored.version, stored.topic, stored.state)

    def fill(self, events: Sequence[Stored], changes: Changes) -> None:
        """Record events at their positions, and what they change; raises LedgerFileInvalid."""
        try:
            self._prepared.copies.insert(self._connection, events)
        except exc.IntegrityError:
            place = f"positions {events[0].position} to {events[-1].position}"
            raise LedgerFileInvalid(place, "a stream has a version twice") from None
        self.load(changes)

    def finish(self) -> None:
        """Write what is left, and have positions go on behind those that were filled in."""
        super().finish()
        dialect = dialect_of(self._connection)
        dialect.continue_numbers(self._connection, self._schema.event, "position")
