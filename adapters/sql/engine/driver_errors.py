"""No driver's exception leaves the SQL adapter."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, exc

from addressee.domain import AddresseeError, Conflict, StoreDamaged, StoreUnavailable

from .dialects import DatabaseDialect

FAILURES = (exc.OperationalError, exc.InterfaceError, exc.InternalError)
"""What the database can't be blamed for as damaged."""
REFUSED = "the database refused a row, as by a CHECK or a trigger"
"""The driver's own words may have the row in them, with personal data."""


class TranslatedErrors:
    """Within it, the driver's errors become the product's.

    A row that exists already was put there by a faster transaction, since a transaction looks
    before it writes. A class, since every query enters one: a generator takes twice the time.

    Args:
        dialect: the database's.
        connect: gives another connection, if the block leaves none open.

    Raises:
        InvalidValue: a statement was longer than the server takes.
        Conflict: a race was lost, or a row is refused, which is final.
        StoreUnavailable: the database can't be reached, is too busy or can't be written.
        StoreDamaged: it does not understand a statement.
    """

    __slots__ = ("_connect", "_dialect")

    def __init__(
        self, dialect: DatabaseDialect, connect: Callable[[], Connection] | None = None
    ) -> None:
        self._dialect = dialect
        self._connect = connect

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Raise the product's error for one of the driver's; let others pass."""
        if isinstance(error, exc.SQLAlchemyError) and (known := self._translated(error)):
            raise known from None

    def _translated(self, error: exc.SQLAlchemyError) -> AddresseeError | None:
        if isinstance(error, exc.IntegrityError):
            if self._dialect.is_refusal(error.orig):
                return Conflict("read models", 0, 1, REFUSED, final=True)
            return Conflict("read models", 0, 1)
        if isinstance(error, exc.DBAPIError):
            return self._meaning(error)
        if isinstance(error, exc.TimeoutError):
            return StoreUnavailable("no connection became free in time")
        if isinstance(error, exc.ResourceClosedError):
            return StoreUnavailable(f"the database sent another answer than expected: {error}")
        return None

    def _meaning(self, error: exc.DBAPIError) -> AddresseeError:
        dialect = self._dialect
        if known := dialect.meaning(error.orig) or dialect.too_large(error, self._connect):
            return known
        if isinstance(error, FAILURES):
            return StoreUnavailable(f"the database failed: {error.orig}")
        return StoreDamaged(f"the database rejected a statement: {error.orig}")
