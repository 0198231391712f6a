"""Filling an empty store with another one's ledger, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from sqlalchemy import exc, select, update

from addressee.application import Changes, Stored
from addressee.domain import Event, LedgerFileInvalid, StoreNotEmpty

from ..engine.dialects import dialect_of
from ..event_store.ordering_strategies import ordering_on
from ..schema.bookkeeping_tables import FOLLOWED, IDENTIFIER_KEY, INDEXED, SEALED
from .index_loader import IndexLoading


class LedgerFilling(IndexLoading):
    """Fills ledger and read models while all other writers wait."""

    def begin(self, key: bytes, indexed: AbstractSet[str], sealed_as: str | None) -> None:
        """Block other writers, and store key, attributes and id; raises StoreNotEmpty."""
        setting = self._schema.setting
        ordering_on(self._connection).keep_writers_out(self._connection, self._schema)
        if self._prepared.last.rows(self._connection):
            raise StoreNotEmpty
        kept = {IDENTIFIER_KEY: key, INDEXED: json.dumps(sorted(indexed)).encode()}
        if sealed_as is not None:
            seal = select(setting.c.value).where(setting.c.name == SEALED)
            before = json.loads(self._connection.execute(seal).scalar_one())
            kept[SEALED] = json.dumps({**before, "store": sealed_as}).encode()
        for name, value in kept.items():
            row = update(setting).where(setting.c.name == name).values(value=value)
            self._connection.execute(row)

    def follow(self, followed: bytes) -> None:
        """Have the store follow another one's ledger from now on, and take no commands."""
        self._prepared.settings.write(self._connection, "upsert", [(FOLLOWED, followed)])

    def event(self, stored: Stored) -> Event:
        """Return what an event says; raises StoreDamaged if it can't be read."""
        if self._sealing is not None:
            [stored] = self._sealing.opened([stored])
        _, stream, version, topic, state = stored
        return self._mapper.event(stream, version, topic, state)

    def fill(self, events: Sequence[Stored], changes: Changes) -> None:
        """Record events at their positions, and what they change; raises LedgerFileInvalid."""
        if (sealing := self._sealing) is not None:
            events = [Stored(*sealing.brought(row, partial(self.event, row))) for row in events]
        try:
            self._prepared.copies.insert(self._connection, events)
        except exc.IntegrityError:
            place = f"positions {events[0].position} to {events[-1].position}"
            raise LedgerFileInvalid(place, "a stream has a version twice") from None
        self.load(changes, events[-1].position if events else self._last)

    def finish(self) -> None:
        """Write what is left, and have positions go on behind those that were filled in."""
        super().finish()
        dialect = dialect_of(self._connection)
        dialect.continue_numbers(self._connection, self._schema.event, "position")
