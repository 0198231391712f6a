"""Keys in a table of a database, wrapped by a key of the host's."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Engine,
    MetaData,
    Table,
    and_,
    func,
    select,
    update,
)
from sqlalchemy.engine import URL

from addressee.adapters.sql.engine.bulk_write import Rows
from addressee.adapters.sql.engine.compiled_query import Query, listed, pages
from addressee.adapters.sql.engine.database import Database
from addressee.adapters.sql.engine.engine_factory import file_of
from addressee.adapters.sql.schema.column_types import Bytes, exact
from addressee.application import Key
from addressee.domain import (
    InvalidValue,
    KeyMissing,
    StoreUnavailable,
    WrappingKeyWrong,
    keyed_hash,
    values,
)

from .new_keys import KEY_BYTES, fingerprint_of, random_keys

NONCE_BYTES = 12
PAGE = 500
ROW = "destructions"
"""The id of the row that counts destructions; ids of keys are hexadecimal digits."""


class Copy(NamedTuple):
    """A key on its way to another key store.

    Args:
        id: its id.
        wrapped_by: which wrapping key; None for a key that was destroyed.
        wrapped: the wrapped key; None likewise.
    """

    id: str
    wrapped_by: str | None
    wrapped: bytes | None


class SqlKeyStore:
    """A table of wrapped keys, in a database of its own or the server of the ledger.

    Keep it out of the ledger's backups, and its own backups short-lived: a ledger's backup gives
    away what an erased person's key in an old backup of this table still opens.

    Args:
        target: a URL such as ``sqlite:///keys.db``, or a SQLAlchemy engine of the host's: not the
            ledger's own, for a key is looked up while a connection of that one is in use.
        wrapping_key: 32 bytes that keys are wrapped by (AES-256-GCM); keep it in a vault.
        retired: earlier wrapping keys, until `rewrap` has run.
        prefix: before the name of its table.

    Raises:
        InvalidValue: the URL can't be read; a wrapping key is not 32 bytes.
        StoreUnavailable: the database can't be opened.
    """

    def __init__(
        self,
        target: Engine | str | URL,
        *,
        wrapping_key: bytes,
        retired: Iterable[bytes] = (),
        prefix: str = "addressee_",
    ) -> None:
        given = [wrapping_key, *retired]
        self._wrapping = {wrapping_id(key): AESGCM(key) for key in map(checked, given)}
        self._newest = wrapping_id(wrapping_key)
        make_private(target)
        self.database = Database(target)
        self._table = table = key_table(prefix)
        self._rows = Rows(table, "id", "wrapped_by", "wrapped", "fingerprint", "destroyed")
        columns = (table.c.id, table.c.wrapped_by, table.c.wrapped)
        self._known = Query(select(*columns).where(table.c.id.in_(listed())))
        self._gone = Query(select(table.c.id).where(table.c.wrapped.is_(None), table.c.id != ROW))
        self._count = Query(select(table.c.destroyed).where(table.c.id == ROW))
        try:
            with self.database.alone() as connection:
                table.create(connection, checkfirst=True)
                if not self._count.rows(connection):
                    self._rows.insert(connection, [(ROW, "", None, "", 0)])
        except BaseException:
            self.database.close()
            raise

    def new_keys(self, count: int) -> Sequence[Key]:
        """Make keys."""
        made = random_keys(count)
        rows = [(key.id, self._newest, self._wrapped(key), "", 0) for key in made]
        with self.database.writing() as connection:
            self._rows.insert(connection, rows)
        return made

    def find(self, ids: Collection[str]) -> Mapping[str, bytes | None]:
        """Return id → secret."""
        found: dict[str, bytes | None] = {}
        with self.database.at_once() as connection:
            for page in pages(ids):
                for name, by, wrapped in self._known.rows(connection, page):
                    found[name] = None if wrapped is None else self._unwrapped(name, by, wrapped)
        return found

    def copies(self, ids: Iterable[str]) -> Iterator[Copy]:
        """Yield keys, wrapped by the newest wrapping key, for another key store.

        Raises:
            KeyMissing: one of them is not there, and was not destroyed.
        """
        for page in pages(sorted(ids)):
            found = self.find(page)
            for name in page:
                if name not in found:
                    raise KeyMissing(f"an event that is sealed by {name}")
                secret = found[name]
                if secret is None:
                    yield Copy(name, None, None)
                else:
                    yield Copy(name, self._newest, self._wrapped(Key(name, secret)))

    def opened(self, copies: Iterable[Copy]) -> Mapping[str, bytes | None]:
        """Return id → secret of keys that `copies` gave; raises WrappingKeyWrong."""
        return {
            name: None if wrapped is None else self._unwrapped(name, by or "", wrapped)
            for name, by, wrapped in copies
        }

    def put(self, keys: Mapping[str, bytes | None]) -> int:
        """Add keys of another key store, None for one that was destroyed; return how many were new.

        Those that are there stay as they are: what is destroyed does not come back.
        """
        with self.database.writing() as connection:
            new = {*keys}
            for page in pages(keys):
                new -= {name for name, _, _ in self._known.rows(connection, page)}
            rows = [
                (name, "", None, "", 0)
                if (secret := keys[name]) is None
                else (name, self._newest, self._wrapped(Key(name, secret)), "", 0)
                for name in sorted(new)
            ]
            self._rows.insert(connection, rows)
        return len(new)

    def destroy(self, ids: Collection[str]) -> Mapping[str, str]:
        """Destroy keys."""
        table, found = self._table, dict[str, str]()
        with self.database.writing() as connection:
            if self.database.dialect.in_file:
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            connection.execute(
                update(table).where(table.c.id == ROW).values(destroyed=table.c.destroyed + 1)
            )
            number = self._count.rows(connection)[0][0]
            for page in pages(ids):
                rows = connection.execute(select(table).where(table.c.id.in_(page))).all()
                for name, by, wrapped, fingerprint, _ in rows:
                    secret = None if wrapped is None else self._unwrapped(name, by, wrapped)
                    found[name] = fingerprint_of(secret) or fingerprint
                gone = [(name, "", None, found.setdefault(name, ""), number) for name in page]
                self._rows.write(connection, "upsert", gone)
        if self.database.dialect.in_file:
            with self.database.at_once() as connection:  # or the log would still have them
                busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if busy:
                raise StoreUnavailable("others read the file of the keys, whose log has them still")
        return found

    def gone(self) -> Collection[str]:
        """Return the ids of the keys that were destroyed."""
        with self.database.at_once() as connection:
            return [name for (name,) in self._gone.rows(connection)]

    def destroyed(self) -> int:
        """Return how often keys were destroyed."""
        with self.database.at_once() as connection:
            [(number,)] = self._count.rows(connection)
        return int(number)

    def wrapped_by_others(self) -> int:
        """Return how many keys `rewrap` has still to wrap."""
        with self.database.at_once() as connection:
            counted = select(func.count()).select_from(self._table).where(self._by_others)
            return connection.execute(counted).scalar_one()

    @property
    def _by_others(self) -> ColumnElement[bool]:
        columns = self._table.c
        return and_(columns.wrapped.is_not(None), columns.wrapped_by != self._newest)

    def rewrap(self, progress: Callable[[int], object] = lambda _: None) -> int:
        """Wrap all keys by the newest wrapping key; return how many were wrapped anew.

        Events stay as they are. It may be repeated, goes on where it was interrupted, and commands
        may run meanwhile.

        Args:
            progress: called after each page with how many were wrapped.

        Raises:
            WrappingKeyWrong: a key is wrapped by none of the given keys.
        """
        others, done = select(self._table).where(self._by_others), 0
        while True:
            with self.database.writing() as connection:
                rows = connection.execute(others.limit(PAGE).with_for_update()).all()
                wrapped = [
                    (name, self._newest, self._wrapped(Key(name, secret)), fingerprint, number)
                    for name, by, wrapped, fingerprint, number in rows
                    for secret in (self._unwrapped(name, by, wrapped),)
                ]
                self._rows.write(connection, "upsert", wrapped)
            done += len(rows)
            progress(done)
            if len(rows) < PAGE:
                return done

    def close(self) -> None:
        """Close the connections that wait in the pool; a host's engine stays as it is."""
        self.database.close()

    def __enter__(self) -> Self:
        """Return the key store, to be closed at the block's end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the key store."""
        self.close()

    def _wrapped(self, key: Key) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._wrapping[self._newest].encrypt(nonce, key.secret, key.id.encode())

    def _unwrapped(self, name: str, by: str, wrapped: bytes) -> bytes:
        if (cipher := self._wrapping.get(by)) is None:
            raise WrappingKeyWrong
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise WrappingKeyWrong from None


def checked(key: object) -> bytes:
    """Return a wrapping key; raises InvalidValue unless it is 32 bytes."""
    wrapping = values.instance("wrapping_key", key, bytes)
    if len(wrapping) != KEY_BYTES:
        raise InvalidValue("wrapping_key", f"takes {KEY_BYTES} bytes, {len(wrapping)} given")
    return wrapping


def make_private(target: Engine | str | URL) -> None:
    """Make a new file of SQLite one that only its owner may read, as its ``-wal`` is then too."""
    file = None if isinstance(target, Engine) else file_of(target)
    if file is not None and not file.exists():
        with suppress(OSError):  # to open the database says what is wrong
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def wrapping_id(key: bytes) -> str:
    """Return what tells wrapping keys apart, and does not reveal them."""
    return keyed_hash(key, "wrapping key")


def key_table(prefix: str) -> Table:
    """Return the table of keys; one that was destroyed keeps its row, without the key."""
    return Table(
        f"{prefix}key",
        MetaData(),
        Column("id", exact(16), primary_key=True),
        Column("wrapped_by", exact(32), nullable=False),
        Column("wrapped", Bytes),
        Column("fingerprint", exact(32), nullable=False),
        Column("destroyed", BigInteger, nullable=False),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )
