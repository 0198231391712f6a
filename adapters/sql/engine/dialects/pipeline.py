"""Several statements in one round trip, by the pipeline mode of psycopg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from .base import as_sqlalchemy


def rows_of(
    connection: Connection,
    text: str,
    parameters: object,
    *,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Sequence[tuple[Any, ...]]:
    """Run a statement by the driver's cursor, with others in the same round trip; return its rows.

    Args:
        connection: with a driver that pipelines, where there are others.
        text: the statement.
        parameters: its own, as the driver takes them.
        before: statements without parameters that come first.
        after: such that come last. After a statement that fails, the others do nothing.

    Raises:
        DBAPIError: as SQLAlchemy wraps what the driver raises of the first that failed.
    """
    cursor: Any = connection.connection.cursor()
    try:
        if before or after:
            send_together(connection, cursor, text, parameters, before, after)
        else:
            cursor.execute(text, parameters)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemy(error, connection) from error
    finally:
        cursor.close()
    return rows


def send_together(  # noqa: PLR0913, PLR0917 # those of `rows_of`
    connection: Connection,
    cursor: Any,  # noqa: ANN401 # the driver's own
    text: str,
    parameters: object,
    before: Sequence[str],
    after: Sequence[str],
) -> None:
    """Send all and wait once; raises the driver's error of the first that failed."""
    raw: Any = connection.connection.driver_connection
    failure: Exception | None = None
    try:
        with raw.pipeline():
            try:
                # What is skipped after a failure must not count as prepared.
                for each in before:
                    raw.execute(each, prepare=False)
                cursor.execute(text, parameters)
                for each in after:
                    raw.execute(each, prepare=False)
            except raw.Error as error:  # raised below, for here the driver would log it
                failure = error
    except raw.Error as error:
        raise failure or error from None
    if failure is not None:
        raise failure
