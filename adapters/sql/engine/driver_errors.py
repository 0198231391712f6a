"""No driver's exception leaves the SQL adapter."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import exc

from addressee.domain import Conflict, StoreDamaged, StoreUnavailable

from .dialects import DatabaseDialect


@contextmanager
def translated(dialect: DatabaseDialect) -> Generator[None]:
    """Turn the driver's errors into the product's.

    A row that exists already was put there by a faster transaction, since a transaction looks
    before it writes.

    Raises:
        Conflict: a race was lost.
        StoreUnavailable: the database can't be reached, or is too busy.
        StoreDamaged: it does not understand a statement.
    """
    try:
        yield
    except exc.IntegrityError:
        raise Conflict("read models", 0, 1) from None
    except exc.TimeoutError:
        raise StoreUnavailable("no connection became free in time") from None
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError) as error:
        if dialect.lost_race(error.orig):
            raise Conflict("read models", 0, 1) from None
        raise StoreUnavailable(f"the database did not do its work: {error.orig}") from None
    except exc.DatabaseError as error:
        raise StoreDamaged(f"the database refused: {error.orig}") from None
