"""Tables of the facts that go to other services."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, SmallInteger, Table

from .column_types import Bytes, NewTable, exact

SINK_NAME = exact(200)


def sink(new: NewTable) -> Table:
    """Return what was sent to each sink; its position and lease are those of a projection."""
    return new(
        "sink",
        Column("name", SINK_NAME, primary_key=True),
        Column("resend_to", BigInteger, nullable=False),
        Column("sent", BigInteger, nullable=False),
        Column("retried", BigInteger, nullable=False),
    )


def dead_letter(new: NewTable) -> Table:
    """Return the facts that a sink did not take."""
    return new(
        "dead_letter",
        Column("sink", SINK_NAME, primary_key=True),
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("at", BigInteger, nullable=False),
        Column("resend", SmallInteger, nullable=False),
        Column("reason", Bytes, nullable=False),
    )
