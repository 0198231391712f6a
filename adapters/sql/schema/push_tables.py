"""Tables of the pushes that are sent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, UniqueConstraint

from .column_types import NAME, Bytes, NewTable, exact

DISPATCH_ID = exact(64)


def dispatch(new: NewTable) -> Table:
    """Return dispatches; ``body`` is JSON with audience and message, which is personal data."""
    return new(
        "dispatch",
        Column("id", DISPATCH_ID, primary_key=True),
        Column("application", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("state", exact(20), nullable=False),
        Column("next_ordinal", Integer, nullable=False),
        Column("batches", Integer, nullable=False),
        Column("body", Bytes, nullable=False),
        Column("starts_at", BigInteger),
        UniqueConstraint("application", "created_at", "id", name=f"{new.prefix}dispatch_newest"),
        Index(f"{new.prefix}dispatch_state", "state", "created_at"),
        Index(f"{new.prefix}dispatch_starts_at", "state", "starts_at", "id"),
    )


def push_batch(new: NewTable) -> Table:
    """Return batches: members as a roaring bitmap of ordinals, outcomes as counts and as JSON."""
    return new(
        "push_batch",
        Column("dispatch", DISPATCH_ID, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("application", NAME, nullable=False),
        Column("first_ordinal", Integer, nullable=False),
        Column("last_ordinal", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("left_at", BigInteger, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("worker", exact(64), nullable=False),
        Column("due", BigInteger),
        Column("leaving", Integer, nullable=False),
        Column("accepted", Integer, nullable=False),
        Column("dead", Integer, nullable=False),
        Column("rejected", Integer, nullable=False),
        Column("retry", Integer, nullable=False),
        Column("unknown", Integer, nullable=False),
        Column("retried", Integer, nullable=False),
        Column("not_sent", Integer, nullable=False),
        Column("members", Bytes, nullable=False),
        Column("fates", Bytes, nullable=False),
        UniqueConstraint("dispatch", "due", "number", name=f"{new.prefix}push_batch_due"),
        UniqueConstraint(
            "application",
            "first_ordinal",
            "dispatch",
            "number",
            name=f"{new.prefix}push_batch_members",
        ),
        Index(f"{new.prefix}push_batch_attempt", "dispatch", "attempt", "first_ordinal"),
    )
