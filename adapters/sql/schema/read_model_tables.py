"""Tables that are derived from the ledger."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table, UniqueConstraint

from ..engine.dialects import not_on_innodb, on_innodb
from .column_types import NAME, TERM, Bytes, Counter, NewTable, exact

GENERATION = 0
"""No term has this number. Its chunk names the generation of all chunks: a transaction that writes
chunks locks it, and it moves with them."""
FIRST_GENERATION = (GENERATION, 0, 0, 0, b"")


def installation(new: NewTable) -> Table:
    """Return ordinal, owner, time of binding and `FLAGS` of every installation.

    ``idle_from`` is when its session was last alive, or earlier: touches do not change it, but the
    search for idle sessions does. ``anonymous_from`` is the same where nobody is signed in.
    """
    return new(
        "installation",
        Column("ordinal", Integer, primary_key=True),
        Column("id", NAME, nullable=False, unique=True),
        Column("application", NAME, nullable=False),
        Column("person", NAME),
        Column("bound_at", BigInteger),
        Column("flags", SmallInteger),
        Column("idle_from", BigInteger),
        Column("anonymous_from", BigInteger),
        UniqueConstraint("person", "ordinal").ddl_if(callable_=not_on_innodb),
        # There a key that comes back to a unique index locks the gap behind it for other writers.
        Index(f"{new.prefix}person_devices", "person", "ordinal").ddl_if(callable_=on_innodb),
        Index(f"{new.prefix}session_idle", "application", "idle_from"),
        Index(f"{new.prefix}anonymous_idle", "application", "anonymous_from"),
    )


def address(new: NewTable) -> Table:
    """Return where pushes reach installations, each as `written_address`; personal data (R38)."""
    return new(
        "push_address",
        Column("ordinal", Integer, primary_key=True, autoincrement=False),
        Column("written", Bytes, nullable=False),
    )


def holder(new: NewTable) -> Table:
    """Return claim stream → person who holds the identifier."""
    return new(
        "holder",
        Column("claim", exact(48), primary_key=True),
        Column("person", NAME, nullable=False),
    )


def segment(new: NewTable) -> Table:
    """Return what saved segments stand for."""
    return new(
        "segment",
        Column("application", NAME, primary_key=True),
        Column("name", exact(100), primary_key=True),
        Column("expression", Bytes, nullable=False),
    )


def term(new: NewTable) -> Table:
    """Return numbers for the audience terms of each application."""
    return new(
        "term",
        Column("number", Integer, primary_key=True),
        Column("application", NAME, nullable=False),
        Column("term", TERM, nullable=False),
        UniqueConstraint("application", "term", name=f"{new.prefix}term_name"),
    )


def chunk(new: NewTable) -> Table:
    """Return postings of a term in one shard, as a roaring bitmap; and the generation of all."""
    return new(
        "chunk",
        Column("term", Integer, primary_key=True, autoincrement=False),
        Column("shard", Integer, primary_key=True, autoincrement=False),
        Column("card", Integer, nullable=False),
        Column("checksum", BigInteger, nullable=False),
        Column("data", Bytes, nullable=False),
    )


def delta(new: NewTable) -> Table:
    """Return postings that came or went since the chunks were written."""
    return new(
        "delta",
        Column("sequence", Counter, primary_key=True),
        Column("term", Integer, nullable=False),
        Column("ordinal", Integer, nullable=False),
        Column("present", SmallInteger, nullable=False),
        UniqueConstraint("term", "sequence"),
    )


def index_mark(new: NewTable) -> Table:
    """Return the states that the chunks had, each by the events that they showed.

    ``flips`` counts the bits of the changes since the mark before.
    """
    return new(
        "index_mark",
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("settled", BigInteger, nullable=False),
        Column("last", BigInteger, nullable=False),
        Column("flips", BigInteger, nullable=False),
    )


def posting_change(new: NewTable) -> Table:
    """Return the ordinals that gained or lost a term between a mark and the one before it."""
    return new(
        "posting_change",
        Column("term", Integer, primary_key=True, autoincrement=False),
        Column("mark", Integer, primary_key=True, autoincrement=False),
        Column("checksum", BigInteger, nullable=False),
        Column("data", Bytes, nullable=False),
        Index(f"{new.prefix}change_mark", "mark"),
    )
