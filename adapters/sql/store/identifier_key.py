"""The identifier key of a store, and its replacement by another one (R5)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, select, update

from addressee.application.read_models.claim_names import check_key
from addressee.domain import IdentifierKeyOutdated, key_fingerprint, values
from addressee.domain.person_identifiers import new_identifier_key

from ..event_store.ordering_protocols import Ordering
from ..schema.bookkeeping_tables import IDENTIFIER_KEY, INDEXED, SLOT_NAMES
from ..unit_of_work.verification_view import AuditTransaction
from ..unit_of_work.view import SqlReader
from .sealed import SealedTables
from .stored_settings import Settings, SettledSettings


class KeyedTables(SealedTables):
    """Names identifiers by a key.

    Attributes:
        identifier_key: that key.
        keeps_key: whether the store keeps it itself; otherwise the host gives it.
    """

    identifier_key: bytes
    keeps_key: bool
    single_writer: bool
    _ordering: Ordering
    _settled: SettledSettings

    @property
    @abstractmethod
    def _share(self) -> str:
        """The statement with which a writer begins."""

    @abstractmethod
    def _settings_now(self) -> SettledSettings:
        """Return what the settings are."""

    @contextmanager
    def rekeying(self, key: bytes) -> Generator[AuditTransaction]:
        """Open a transaction that ends with another identifier key, while no command is under way.

        On PostgreSQL all that reads the ledger waits too.
        """
        with self.database.writing(self._share) as connection:
            name = self._schema.setting.c.name
            row = update(self._schema.setting)
            # First, for a host's transaction holds it when it comes to the ledger.
            same = self._schema.setting.c.value
            connection.execute(row.where(name == INDEXED).values(value=same))
            self._ordering.keep_commands_out(connection, self._schema)
            self._settled.check(connection)
            yield AuditTransaction(connection, self._uncached())
            if self.keeps_key:
                connection.execute(row.where(name == IDENTIFIER_KEY).values(value=key))
            slots = row.where(name.in_(SLOT_NAMES))
            connection.execute(slots.values(value=key_fingerprint(key).encode()))
        self.identifier_key = key
        self._settled = self._settings_now()

    def _share_hosts(self, connection: Connection) -> None:
        """Begin as a writer in a host's transaction, whose view may be from before a new key.

        Raises:
            Conflict, IdentifierKeyOutdated: there was one, which a command would not see.
        """
        if self.single_writer:
            return
        if not (share := self._share):
            # PostgreSQL refuses it to a view from before the row was written.
            setting = self._schema.setting.c
            kept = select(setting.value).where(setting.name == INDEXED)
            connection.execute(kept.with_for_update(read=True))
            return
        stamp: bytes = connection.exec_driver_sql(share).scalar_one()
        if stamp not in (b"", key_fingerprint(self.identifier_key).encode()):
            raise IdentifierKeyOutdated

    def _take_key(self, given: bytes | None, settings: Settings) -> None:
        """Use the key that the host gives, or the one that the store keeps; make it once."""
        if given is not None:
            values.instance("identifier_key", given, bytes)
        self.identifier_key = given or settings.get(IDENTIFIER_KEY, new_identifier_key)
        self.keeps_key = not given or settings.find(IDENTIFIER_KEY) == given
        self._check_key()

    def _check_key(self) -> None:
        """Raise IdentifierKeyOutdated if the identifier key was replaced."""
        with self.viewing() as connection:
            self._checked_fingerprint(connection)

    def _checked_fingerprint(self, connection: Connection) -> str:
        """Return the fingerprint of the identifier key; raises IdentifierKeyOutdated likewise."""
        check_key(SqlReader(connection, self.parts), self.identifier_key)
        return key_fingerprint(self.identifier_key)
