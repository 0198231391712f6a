"""Tables of which rows are never changed: the ledger, its seals and its times."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, UniqueConstraint

from .column_types import ID, Bytes, Counter, NewTable, exact


def event(new: NewTable) -> Table:
    """Return the ledger."""
    return new(
        "event",
        Column("position", Counter, primary_key=True),
        Column("stream", ID, nullable=False),
        Column("version", Integer, nullable=False),
        Column("topic", exact(100), nullable=False),
        Column("state", Bytes, nullable=False),
        UniqueConstraint("stream", "version", name=f"{new.prefix}event_stream"),
        never_reuse_keys=True,
    )


def seal(new: NewTable) -> Table:
    """Return the digests of the ledger's beginnings."""
    return new(
        "seal",
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("first_position", BigInteger, nullable=False),
        Column("last_position", BigInteger, nullable=False),
        Column("events", BigInteger, nullable=False),
        Column("digest", Bytes, nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Column("key_fingerprint", exact(50)),
    )


def time_span(new: NewTable) -> Table:
    """Return the earliest and the latest time of runs of events, each by its last position."""
    return new(
        "time_span",
        Column("last", BigInteger, primary_key=True, autoincrement=False),
        Column("earliest", BigInteger, nullable=False),
        Column("latest", BigInteger, nullable=False),
    )
