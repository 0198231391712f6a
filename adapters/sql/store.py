"""A whole store in one SQL database."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterable
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Self

from sqlalchemy import Engine, insert, select
from sqlalchemy.engine import URL

from addressee.adapters.mapper import EventMapper

from .applications import SqlApplications
from .database import Database
from .postings import COMPACTION
from .reader import SqlReader
from .schema import Schema
from .tail import Tail
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
        self.applications = SqlApplications(self._database, self._schema)
        self._mapper = mapper or EventMapper()
        self._tail = Tail(self._database, self._schema)
        try:
            with self._database.writing() as connection:
                self._schema.metadata.create_all(connection)
            self._setting(COMPACTION, bytes)
            self.identifier_key = identifier_key or self._setting("identifier_key", random_key)
        except BaseException:
            self._database.close()
            raise

    @contextmanager
    def reading(self) -> Generator[SqlReader]:
        """Open a view of one moment."""
        with self._database.reading() as connection:
            yield SqlReader(connection, self._schema, self._mapper, self._tail)

    @contextmanager
    def writing(self) -> Generator[SqlTransaction]:
        """Open a transaction that commits when the block ends."""
        with self._database.writing() as connection:
            yield SqlTransaction(connection, self._schema, self._mapper, self._tail)

    def close(self) -> None:
        """Close the connections that wait in the pool; a host's engine stays as it is."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return the store, to be closed at the block's end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    def _setting(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return what the store keeps under a name, making it once."""
        table = self._schema.setting
        kept = select(table.c.value).where(table.c.name == name)
        with self._database.writing() as connection:
            value: bytes | None = connection.execute(kept).scalar_one_or_none()
            if value is None:
                value = make()
                connection.execute(insert(table).values(name=name, value=value))
        return value


def random_key() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(32)
