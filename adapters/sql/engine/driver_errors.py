"""No driver's exception leaves the SQL adapter."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy import Connection, exc

from addressee.domain import Conflict, StoreDamaged, StoreUnavailable

from .dialects import DatabaseDialect

FAILURES = (exc.OperationalError, exc.InterfaceError, exc.InternalError)
"""What the database can't be blamed for as damaged."""


@contextmanager
def translated(
    dialect: DatabaseDialect, connect: Callable[[], Connection] | None = None
) -> Generator[None]:
    """Turn the driver's errors into the product's.

    A row that exists already was put there by a faster transaction, since a transaction looks
    before it writes.

    Args:
        dialect: the database's.
        connect: gives another connection, if the block leaves none open.

    Raises:
        InvalidValue: a statement was longer than the server takes.
        Conflict: a race was lost.
        StoreUnavailable: the database can't be reached, is too busy or can't be written.
        StoreDamaged: it does not understand a statement.
    """
    try:
        yield
    except exc.IntegrityError:
        raise Conflict("read models", 0, 1) from None
    except exc.TimeoutError:
        raise StoreUnavailable("no connection became free in time") from None
    except exc.DBAPIError as error:
        if known := dialect.meaning(error.orig) or dialect.too_large(error, connect):
            raise known from None
        if isinstance(error, FAILURES):
            raise StoreUnavailable(f"the database failed: {error.orig}") from None
        raise StoreDamaged(f"the database rejected a statement: {error.orig}") from None
    except exc.ResourceClosedError as error:
        raise StoreUnavailable(f"the database sent another answer than expected: {error}") from None
