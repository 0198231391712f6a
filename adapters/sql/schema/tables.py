"""The tables: the ledger, the read models that follow it, and what is neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

# SQLite numbers rows by themselves only where the key is declared INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")

# MariaDB's and MySQL's plain BLOB ends at 64 KiB.
Bytes = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")

WHOLE_TERM = 256
"""Up to how many characters a term is written whole; an index on MariaDB holds 3,072 bytes."""


GENERATION = 0
"""No term has this number. Its chunk names the generation of all: whoever writes chunks locks it,
and it goes with them wherever they go."""
FIRST_GENERATION = (GENERATION, 0, 0, 0, b"")
SLOT_NAMES = [f"slot {n}" for n in range(16)]
"""Settings whose locks tell on MariaDB and MySQL which writers are under way."""
IDENTIFIER_KEY = "identifier_key"
INDEXED = "indexed attributes"
"""Names of settings; the second is JSON."""


def exact(length: int) -> String:
    """Return a string column that compares character by character on every database."""
    return (
        String(length)
        .with_variant(String(length, collation="utf8mb4_nopad_bin"), "mariadb")
        .with_variant(String(length, collation="utf8mb4_0900_bin"), "mysql")
    )


REVISION = "0001"
"""The newest migration (migrations/versions), of which these tables are the outcome."""

ID = exact(300)
"""A category, a colon and an id of at most 256 characters."""
NAME = exact(256)
"""An id or a code."""
TERM = exact(WHOLE_TERM + 33)
"""A term, or its beginning, a ``#`` and 32 digits of its hash."""


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables of one store.

    Attributes:
        event: the ledger; rows are only ever added.
        seal: digests of the ledger's beginning; rows are only ever added.
        tracking: how far followers of other ledgers have come.
        projection: how far projections of this ledger have come, and who works on each.
        set_aside: events that a projection could not take and was told to pass over.
        installation: ordinal, owner and time of binding of every installation.
        holder: claim stream → person who holds the identifier.
        term: numbers for the audience terms of each application.
        chunk: postings of a term in one shard, as a roaring bitmap; that of term 0, which there is
            not, holds the generation of the others.
        delta: postings that came or went since the chunks were written.
        segment: what saved segments stand for.
        touch: signs of life; the one table that is not a projection of the ledger (R26).
        application: mobile apps and what is laid down for them.
        api_key: what is kept of the keys of their backends.
        setting: what the store keeps about itself, such as the identifier key.
        migration: which migrations the tables have had; Alembic's.
    """

    metadata: MetaData
    event: Table
    seal: Table
    tracking: Table
    projection: Table
    set_aside: Table
    installation: Table
    holder: Table
    term: Table
    chunk: Table
    delta: Table
    segment: Table
    touch: Table
    application: Table
    api_key: Table
    setting: Table
    migration: Table

    @property
    def swapped(self) -> dict[str, Table]:
        """Return the tables of read models that a rebuild puts others in place of, by name."""
        names = ("installation", "holder", "segment", "chunk", "delta")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def named(cls, prefix: str = "addressee_", schema: str | None = None) -> Self:
        """Return the tables, so named that a host's can live beside.

        Args:
            prefix: before the name of each.
            schema: the database schema that they are in, if not the connection's own.
        """
        metadata = MetaData(schema)

        def table(
            name: str, *parts: Column[object] | UniqueConstraint | PrimaryKeyConstraint
        ) -> Table:
            return Table(
                f"{prefix}{name}",
                metadata,
                *parts,
                sqlite_autoincrement=name == "event",
                mysql_engine="InnoDB",
                mariadb_engine="InnoDB",
            )

        return cls(
            metadata,
            event=table(
                "event",
                Column("position", Counter, primary_key=True),
                Column("stream", ID, nullable=False),
                Column("version", Integer, nullable=False),
                Column("topic", exact(100), nullable=False),
                Column("state", Bytes, nullable=False),
                UniqueConstraint("stream", "version", name=f"{prefix}event_stream"),
            ),
            seal=table(
                "seal",
                Column("number", BigInteger, primary_key=True, autoincrement=False),
                Column("first_position", BigInteger, nullable=False),
                Column("last_position", BigInteger, nullable=False),
                Column("events", BigInteger, nullable=False),
                Column("digest", Bytes, nullable=False),
                Column("made_at", BigInteger, nullable=False),
            ),
            tracking=table(
                "tracking",
                Column("application_name", exact(200), primary_key=True),
                Column("notification_id", BigInteger, nullable=False),
            ),
            projection=table(
                "projection",
                Column("name", exact(200), primary_key=True),
                Column("position", BigInteger, nullable=False),
                Column("holder", exact(50)),
                Column("until", BigInteger, nullable=False),
                Column("paused", SmallInteger, nullable=False),
                Column("problem_at", BigInteger),
                Column("problem", Bytes),
            ),
            set_aside=table(
                "set_aside",
                Column("projection", exact(200), primary_key=True),
                Column("position", BigInteger, primary_key=True, autoincrement=False),
                Column("problem", Bytes, nullable=False),
            ),
            installation=table(
                "installation",
                Column("ordinal", Integer, primary_key=True),
                Column("id", NAME, nullable=False, unique=True),
                Column("application", NAME, nullable=False),
                Column("person", NAME),
                Column("bound_at", BigInteger),
                UniqueConstraint("person", "ordinal"),
            ),
            holder=table(
                "holder",
                Column("claim", exact(48), primary_key=True),
                Column("person", NAME, nullable=False),
            ),
            term=table(
                "term",
                Column("number", Integer, primary_key=True),
                Column("application", NAME, nullable=False),
                Column("term", TERM, nullable=False),
                UniqueConstraint("application", "term", name=f"{prefix}term_name"),
            ),
            chunk=table(
                "chunk",
                Column("term", Integer, primary_key=True, autoincrement=False),
                Column("shard", Integer, primary_key=True, autoincrement=False),
                Column("card", Integer, nullable=False),
                Column("checksum", BigInteger, nullable=False),
                Column("data", Bytes, nullable=False),
            ),
            delta=table(
                "delta",
                Column("sequence", Counter, primary_key=True),
                Column("term", Integer, nullable=False),
                Column("ordinal", Integer, nullable=False),
                Column("present", SmallInteger, nullable=False),
                UniqueConstraint("term", "sequence"),
            ),
            segment=table(
                "segment",
                Column("application", NAME, primary_key=True),
                Column("name", exact(100), primary_key=True),
                Column("expression", Bytes, nullable=False),
            ),
            touch=table(
                "touch",
                Column("installation", NAME, primary_key=True),
                Column("at", BigInteger, nullable=False),
            ),
            application=table(
                "application",
                Column("code", NAME, primary_key=True),
                Column("settings", Bytes, nullable=False),
            ),
            api_key=table(
                "api_key",
                Column("name", exact(50), primary_key=True),
                Column("application", NAME, nullable=False),
                Column("scope", exact(50), nullable=False),
                Column("digest", Bytes, nullable=False),
            ),
            setting=table(
                "setting",
                Column("name", exact(50), primary_key=True),
                Column("value", Bytes, nullable=False),
            ),
            migration=table(
                "migration",
                Column("version_num", String(32), nullable=False),
                PrimaryKeyConstraint("version_num", name=f"{prefix}migration_pkc"),
            ),
        )
