"""Appending events to the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from eventsourcing.persistence import IntegrityError
from sqlalchemy import Connection, exc

from ..engine.bulk_write import Write
from ..engine.dialects import dialect_of
from ..engine.dialects.base import Row
from ..engine.driver_errors import REFUSED
from .event_statements import EventStatements
from .ordering_strategies import ordering_on


class RefusedRow(IntegrityError):
    """A row that the database would refuse again."""


def insert_events(
    connection: Connection,
    prepared: EventStatements,
    rows: Sequence[Row],
    together_with: Sequence[Write] = (),
    *,
    commits: bool = False,
) -> list[int]:
    """Add events to the ledger and return their positions, which are in the order given.

    Args:
        connection: with its transaction begun.
        prepared: statements on the store's tables.
        rows: stream, version, topic and state of each, or none.
        together_with: writes to other tables.
        commits: whether nothing follows in the transaction, so that it may be committed at once.

    Raises:
        IntegrityError: a stream has an event of that version already.
        RefusedRow: a row is refused for what it is, as by a CHECK or a trigger.
    """
    if not rows:
        for write in together_with:
            write.run(connection)
        return []
    try:
        ordering = ordering_on(connection)
        return ordering.insert(connection, prepared, rows, together_with, commits=commits)
    except exc.IntegrityError as error:
        if dialect_of(connection).is_refusal(error.orig):
            raise RefusedRow(REFUSED) from None
        raise IntegrityError("a stream has an event of that version already") from None
