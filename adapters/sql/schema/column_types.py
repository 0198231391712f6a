"""Column types that mean the same on every database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, String, Table
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem

# SQLite numbers rows by itself only where the key is declared INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")

# MariaDB's and MySQL's plain BLOB ends at 64 KiB.
Bytes = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")

WHOLE_TERM = 256
"""Up to how many characters a term is written whole; an index on MariaDB holds 3,072 bytes."""


def exact(length: int) -> String:
    """Return a string column that compares character by character on every database."""
    return (
        String(length)
        .with_variant(String(length, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(String(length, collation="utf8mb4_0900_bin"), "mysql")
    )


ID = exact(300)
"""A category, a colon and an id of at most 256 characters."""
NAME = exact(256)
"""An id or a code."""
TERM = exact(WHOLE_TERM + 33)
"""A term, or its beginning, a ``#`` and 32 digits of its hash."""


class NewTable:
    """Makes the tables of one store.

    Args:
        metadata: the collection that they go into.
        prefix: the beginning of their names.
    """

    def __init__(self, metadata: MetaData, prefix: str) -> None:
        self._metadata = metadata
        self.prefix = prefix

    def __call__(self, name: str, *parts: SchemaItem, never_reuse_keys: bool = False) -> Table:
        """Return a table.

        Args:
            name: without the prefix.
            parts: columns, constraints and indexes.
            never_reuse_keys: number rows beyond all that were ever deleted, also on SQLite.
        """
        return Table(
            f"{self.prefix}{name}",
            self._metadata,
            *parts,
            sqlite_autoincrement=never_reuse_keys,
            mysql_engine="InnoDB",
            mariadb_engine="InnoDB",
        )
