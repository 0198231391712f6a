"""What a store needs to know about itself, kept in a table of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress

from sqlalchemy import Connection, LargeBinary, cast, delete, insert, select, update

from addressee.application.caching.by_epoch import ByEpoch
from addressee.domain import Conflict, StoreFollows, StoreUnavailable, indexed_names

from ..engine.compiled_query import Query
from ..engine.database import Connections, Database
from ..engine.epochs import epoch_of
from ..schema.bookkeeping_tables import FOLLOWED, IDENTIFIER_KEY, INDEXED, SEALED
from ..schema.tables import Schema
from .follower_state import follows


class Settings:
    """The settings of one store.

    Args:
        database: where.
        schema: the tables.
    """

    def __init__(self, database: Connections, schema: Schema) -> None:
        self._database = database
        self._table = table = schema.setting
        # SQLite accepts text where bytes belong, in a statement by hand.
        self._kept = select(cast(table.c.value, LargeBinary))

    def find(self, name: str) -> bytes | None:
        """Return what the store keeps under a name, if anything."""
        with self._database.reading() as connection:
            kept = self._kept.where(self._table.c.name == name)
            return connection.execute(kept).scalar_one_or_none()

    def beginning(self, start: str) -> Mapping[str, bytes]:
        """Return name → value of all names with a beginning."""
        table = self._table
        with self._database.reading() as connection:
            kept = self._kept.add_columns(table.c.name)
            found = connection.execute(kept.where(table.c.name.startswith(start, autoescape=True)))
            return {name: value for value, name in found}

    def remove(self, name: str) -> None:
        """Forget what the store keeps under a name."""
        with self._database.writing() as connection:
            connection.execute(delete(self._table).where(self._table.c.name == name))

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return what the store keeps under a name, making it once."""
        kept = self._kept.where(self._table.c.name == name)
        while True:
            with suppress(Conflict), self._database.writing() as connection:
                value: bytes | None = connection.execute(kept).scalar_one_or_none()
                if value is None:
                    value = make()
                    connection.execute(insert(self._table).values(name=name, value=value))
                return value

    def replace(self, name: str, value: bytes) -> None:
        """Change what the store keeps under a name."""
        with self._database.writing() as connection:
            row = update(self._table).where(self._table.c.name == name)
            connection.execute(row.values(value=value))

    def indexed(self, wanted: Iterable[str] | None) -> AbstractSet[str]:
        """Return the attributes that are indexed, and remember them if they are given."""
        names = sorted(indexed_names(() if wanted is None else wanted))
        written = json.dumps(names).encode()
        known = self.get(INDEXED, lambda: written)
        if wanted is not None and known != written:
            self.replace(INDEXED, written)
            return frozenset(names)
        return frozenset(json.loads(known))


class Final:
    """Whether settings can't change any more in one epoch of the database."""

    settings = False


class SettledSettings:
    """Notices that another process has changed for good what this one has read of a store.

    While a store is empty, another process may fill it from an export, or open it with keys. What
    this one then wrote would be under the wrong identifier key, in clear, or sealed as another
    store's. A store that follows another one's ledger, since it was empty, can be promoted.

    Args:
        database: where.
        schema: the tables.
        last: finds the ledger's last position.
    """

    def __init__(self, database: Database, schema: Schema, last: Query) -> None:
        table, self._last = schema.setting, last
        names = [IDENTIFIER_KEY, SEALED, FOLLOWED]
        self._kept = select(table.c.name, table.c.value).where(table.c.name.in_(names))
        with database.reading() as connection:
            known = self._read(connection)
            self._final = ByEpoch(Final)
            self._final.at(epoch_of(connection)).settings = bool(
                last.rows(connection)
            ) and not follows(known.get(FOLLOWED))
            self._known = {name: known[name] for name in (IDENTIFIER_KEY, SEALED) if name in known}

    def check(self, connection: Connection) -> None:
        """Check them; takes no query once this epoch has an event that was not copied.

        Raises:
            StoreFollows: the store follows another one's ledger.
            StoreUnavailable: they were changed.
        """
        final = self._final.at(epoch_of(connection))
        if final.settings:
            return
        now, known = self._read(connection), self._known
        if follows(now.get(FOLLOWED)):
            raise StoreFollows
        # A host that gives the identifier key itself has none here, and keeps to its own.
        if any(now.get(name) != known.get(name) for name in (SEALED, *known)):
            raise StoreUnavailable("the store was filled or sealed since it was opened: reopen it")
        final.settings = bool(self._last.rows(connection))

    def _read(self, connection: Connection) -> dict[str, bytes]:
        return {row.name: row.value for row in connection.execute(self._kept)}
