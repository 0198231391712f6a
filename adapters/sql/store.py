"""A whole store in one SQL database."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterable
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Self

from sqlalchemy import Engine, insert, select
from sqlalchemy.engine import URL

from addressee.adapters.mapper import EventMapper

from .database import Database
from .reader import SqlReader
from .recorder import SqlProcessRecorder
from .schema import Schema
from .transaction import SqlTransaction


class SqlStore:
    """Ledger and read models in one database; every command is one transaction of it.

    Args:
        target: a SQLAlchemy engine of the host's, or a URL such as ``sqlite:///ledger.db``.
        identifier_key: the secret that turns identifiers into stream ids, up to 64 bytes (R5); by
            default the store makes one when it is new, and keeps it in the database.
        indexed_attributes: ``attr.name`` and ``iattr.name`` that audiences may use.
        prefix: before the names of all tables.
        mapper: turns events into bytes and back.

    Raises:
        InvalidValue: the URL can't be read.
        StoreUnavailable: the database can't be opened.
        StoreDamaged: it is there, and is no database.
    """

    def __init__(
        self,
        target: Engine | str | URL,
        *,
        identifier_key: bytes | None = None,
        indexed_attributes: Iterable[str] = (),
        prefix: str = "addressee_",
        mapper: EventMapper | None = None,
    ) -> None:
        self.indexed_attributes: AbstractSet[str] = frozenset(indexed_attributes)
        self._database = Database(target)
        self._schema = Schema.named(prefix)
        self._mapper = mapper or EventMapper()
        try:
            with self._database.writing() as connection:
                self._schema.metadata.create_all(connection)
            self.identifier_key = identifier_key or self._kept_key()
        except BaseException:
            self._database.close()
            raise
        self.recorder = SqlProcessRecorder(self._database, self._schema)

    @contextmanager
    def reading(self) -> Generator[SqlReader]:
        """Open a view of one moment."""
        with self._database.reading() as connection:
            yield SqlReader(connection, self._schema, self._mapper)

    @contextmanager
    def writing(self) -> Generator[SqlTransaction]:
        """Open a transaction that commits when the block ends."""
        with self._database.writing() as connection:
            yield SqlTransaction(connection, self._schema, self._mapper)

    def close(self) -> None:
        """Close the connections that wait in the pool; a host's engine stays as it is."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return the store, to be closed at the block's end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    def _kept_key(self) -> bytes:
        """Return the store's own identifier key, making it once."""
        table = self._schema.setting
        kept = select(table.c.value).where(table.c.name == "identifier_key")
        with self._database.writing() as connection:
            key: bytes | None = connection.execute(kept).scalar_one_or_none()
            if key is None:
                key = secrets.token_bytes(32)
                connection.execute(insert(table).values(name="identifier_key", value=key))
        return key
