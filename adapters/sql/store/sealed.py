"""Sealing of a store's personal data: whether, and by which keys."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, suppress
from hashlib import sha256

from sqlalchemy import Connection

from addressee.adapters.serialization.sealed_event_format import (
    Locked,
    bound_to,
    keys_in,
    new_seal,
    sealing_with,
    streams_under,
)
from addressee.application import KeyStore, stored_events
from addressee.domain import InvalidValue, StoreNotSealed, StoreUnavailable

from ..engine.compiled_query import pages
from ..engine.database import Database
from ..schema.bookkeeping_tables import FENCE, FOREIGN_KEYS, SEALED, SEARCHED
from ..schema.tables import Schema
from ..unit_of_work.shared_parts import Parts
from ..unit_of_work.store_statements import Prepared
from ..unit_of_work.verification_view import SqlAudit
from .stored_settings import Settings


class SealedTables:
    """What a store tells of its sealed data.

    Attributes:
        database: where the store is.
        parts: what it is made of.
        keys: seals it, where they were given.
    """

    database: Database
    parts: Parts
    keys: KeyStore | None
    _schema: Schema

    @abstractmethod
    def viewing(self) -> AbstractContextManager[Connection]:
        """Open the transaction of a view."""

    @property
    def sealed_as(self) -> str | None:
        """Return the id that sealed data is bound to; None where it is in clear."""
        sealing = self.parts.sealing
        return None if sealing is None else sealing.store

    def searched(self, search: str) -> int:
        """Return the position up to which a search has taken events."""
        return int(Settings(self.database, self._schema).find(f"{SEARCHED}{search}") or 0)

    def note_searched(self, search: str, position: int) -> None:
        """Note the position up to which a search has taken events."""
        settings, noted = Settings(self.database, self._schema), str(position).encode()
        if settings.get(f"{SEARCHED}{search}", lambda: noted) != noted:
            settings.replace(f"{SEARCHED}{search}", noted)

    def keys_of(self, streams: Collection[str]) -> Mapping[str, Mapping[int, str]]:
        """Return stream → version of each event that is sealed → id of its key, in order."""
        found: dict[str, dict[int, str]] = defaultdict(dict)
        with self.database.reading() as connection:
            for page in pages(streams):
                rows = self.parts.prepared.whole.rows(connection, page)
                for stream, version, key in keys_in(rows):
                    found[stream][version] = key
        return found

    def unreadable(self) -> Collection[str]:
        """Return streams whose keys are destroyed, and not by erasures that are done here."""
        if self.keys is None:
            return ()
        settings = Settings(self.database, self._schema)
        gone = {*self.keys.gone()}.difference(fenced(settings))
        looked_for = sha256("\n".join(sorted(gone)).encode()).digest()
        if not gone or settings.find(FOREIGN_KEYS) == looked_for:
            return ()
        with self.viewing() as connection:
            audit = SqlAudit(connection, self._uncached())
            found = streams_under(gone, stored_events(audit))
            empty = not audit.last()
        if not found and not empty:  # an empty store may yet be filled with what they seal
            with suppress(StoreUnavailable):  # one that is only read looks for them each time
                if settings.get(FOREIGN_KEYS, lambda: looked_for) != looked_for:
                    settings.replace(FOREIGN_KEYS, looked_for)
        return found

    def _uncached(self) -> Parts:
        """Return the store's parts with an empty cache."""
        known = self.parts.prepared
        return self.parts._replace(prepared=Prepared.of_store(known.schema, known.index.term_key))

    def _parts_for(self, sealed_as: str | None) -> Parts:
        """Return the store's parts for data that is bound to an id; raises StoreSealed."""
        if sealed_as is None:
            return self.parts
        return self.parts._replace(sealing=bound_to(self.parts.sealing, sealed_as))


def with_sealing(parts: Parts, settings: Settings, keys: KeyStore | None, *, empty: bool) -> Parts:
    """Return a store's parts, which seal if the store is sealed or is to be.

    Args:
        parts: without.
        settings: of the store.
        keys: those that were given.
        empty: whether the store has no event yet.

    Raises:
        StoreNotSealed: keys are given, and there are events in clear.
        KeyMissing, WrappingKeyWrong: the keys are not those of this store.
    """
    known = settings.find(SEALED)
    if keys is None:
        return (
            parts if known is None else parts._replace(sealing=Locked(json.loads(known)["store"]))
        )
    if known is None and not empty:
        raise StoreNotSealed
    known = known or settings.get(SEALED, lambda: new_seal(keys))
    destroy_again(keys, settings)
    sealing = sealing_with(keys, parts.mapper, known)
    prepared = Prepared.of_store(parts.prepared.schema, sealing.term_key)
    return parts._replace(sealing=sealing, prepared=prepared)


def destroy_again(keys: KeyStore, settings: Settings) -> None:
    """Destroy what erasures have destroyed, where a backup of the key store has it again (R51)."""
    erased = fenced(settings)
    known = keys.find(erased)
    if back := [key for key in erased if known.get(key, b"") is not None]:
        keys.destroy(back)


def fenced(settings: Settings) -> list[str]:
    """Return the keys that erasures have destroyed, as the store has noted them."""
    return [key for kept in settings.beginning(FENCE).values() for key in json.loads(kept)]


def check_apart(database: Database, keys: KeyStore | None) -> None:
    """Raise InvalidValue for keys in the ledger's own SQLite file, or on its own engine.

    Keys are looked up and written while a transaction of the ledger holds that file's lock, and a
    connection of that engine: enough threads would wait for each other's connections.
    """
    other = getattr(keys, "database", None)
    if not isinstance(other, Database):
        return
    if database.engine.pool is other.engine.pool:
        raise InvalidValue("keys", "should have an engine of their own, apart from the ledger")
    if database.dialect.in_file and other.dialect.in_file:
        files = {each.dialect.file_of(each.engine.url) for each in (database, other)}
        if len({file and file.resolve() for file in files}) == 1:
            raise InvalidValue("keys", "should be in a file of their own, apart from the ledger")
