"""The tables: the ledger, the read models that follow it, and what is neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from .guard import guard

# SQLite numbers rows by themselves only where the key is declared INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")

ID = String(300)
"""A category, a colon and an id of at most 256 characters."""
TERM = String(4400)
"""A field's name and a value of at most 4,096 characters."""


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables of one store.

    Attributes:
        event: the ledger; rows are only ever added.
        tracking: how far followers of other ledgers have come.
        installation: ordinal, owner and time of binding of every installation.
        holder: claim stream → person who holds the identifier.
        term: numbers for the audience terms of each application.
        chunk: postings of a term in one shard, as a roaring bitmap.
        delta: postings that came or went since the chunks were written.
        touch: signs of life; the one table that is not a projection of the ledger (R26).
        application: mobile apps and what is laid down for them.
        api_key: what is kept of the keys of their backends.
        setting: what the store keeps about itself, such as the identifier key.
    """

    metadata: MetaData
    event: Table
    tracking: Table
    installation: Table
    holder: Table
    term: Table
    chunk: Table
    delta: Table
    touch: Table
    application: Table
    api_key: Table
    setting: Table

    @classmethod
    def named(cls, prefix: str = "addressee_") -> Self:
        """Return the tables with a prefix before their names, so that a host's can live beside."""
        metadata = MetaData()

        def table(name: str, *parts: Column[object] | Index | UniqueConstraint) -> Table:
            return Table(f"{prefix}{name}", metadata, *parts, sqlite_autoincrement=name == "event")

        event = table(
            "event",
            Column("position", Counter, primary_key=True),
            Column("stream", ID, nullable=False),
            Column("version", Integer, nullable=False),
            Column("topic", String(100), nullable=False),
            Column("state", LargeBinary, nullable=False),
            UniqueConstraint("stream", "version", name=f"{prefix}event_stream"),
        )
        guard(event)
        return cls(
            metadata,
            event=event,
            tracking=table(
                "tracking",
                Column("application_name", String(200), primary_key=True),
                Column("notification_id", BigInteger, nullable=False),
            ),
            installation=table(
                "installation",
                Column("ordinal", Integer, primary_key=True),
                Column("id", String(256), nullable=False, unique=True),
                Column("application", String(256), nullable=False),
                Column("person", String(256)),
                Column("bound_at", BigInteger),
                Index(f"{prefix}installation_person", "person"),
            ),
            holder=table(
                "holder",
                Column("claim", String(48), primary_key=True),
                Column("person", String(256), nullable=False),
            ),
            term=table(
                "term",
                Column("number", Integer, primary_key=True),
                Column("application", String(256), nullable=False),
                Column("term", TERM, nullable=False),
                UniqueConstraint("application", "term", name=f"{prefix}term_name"),
            ),
            chunk=table(
                "chunk",
                Column("term", Integer, primary_key=True, autoincrement=False),
                Column("shard", Integer, primary_key=True, autoincrement=False),
                Column("card", Integer, nullable=False),
                Column("checksum", BigInteger, nullable=False),
                Column("data", LargeBinary, nullable=False),
            ),
            delta=table(
                "delta",
                Column("sequence", Counter, primary_key=True),
                Column("term", Integer, nullable=False),
                Column("ordinal", Integer, nullable=False),
                Column("present", SmallInteger, nullable=False),
                Index(f"{prefix}delta_term", "term", "ordinal"),
            ),
            touch=table(
                "touch",
                Column("installation", String(256), primary_key=True),
                Column("at", BigInteger, nullable=False),
            ),
            application=table(
                "application",
                Column("code", String(256), primary_key=True),
                Column("settings", LargeBinary, nullable=False),
            ),
            api_key=table(
                "api_key",
                Column("name", String(50), primary_key=True),
                Column("application", String(256), nullable=False),
                Column("scope", String(50), nullable=False),
                Column("digest", LargeBinary, nullable=False),
            ),
            setting=table(
                "setting",
                Column("name", String(50), primary_key=True),
                Column("value", LargeBinary, nullable=False),
            ),
        )
