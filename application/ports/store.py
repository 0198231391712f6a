"""What the application needs of a store. Everything else about a database is the adapter's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from .applications import Applications
from .audit_views import Audit, AuditTransaction
from .records import Found, Lookup, TimeSpan
from .transaction_views import Reader, Transaction, View


class Viewable(Protocol):
    """Answer queries about one account, as it is or as it was.

    Attributes:
        identifier_key: the secret that turns identifiers into stream ids (R5).
        indexed_attributes: ``attr.name`` and ``iattr.name`` that audiences may use.
    """

    identifier_key: bytes
    indexed_attributes: AbstractSet[str]

    @property
    def applications(self) -> Applications:
        """The mobile apps of the account, and their API keys."""
        ...

    def reading(self) -> AbstractContextManager[View]:
        """Open a view that does not change while it is open; raises StoreUnavailable."""
        ...

    def settled(self) -> int:
        """Return the last position up to which no event will appear any more.

        A view that is opened afterwards shows all events up to there. While a transaction is open
        that may have taken a lower position, the ledger is longer than that.

        Raises:
            StoreUnavailable: the store can't be reached.
        """
        ...


class Store(Viewable, Protocol):
    """Provide one ledger with its read models: one account."""

    def reading(self) -> AbstractContextManager[Reader]:
        """Open a view that does not change while it is open; raises StoreUnavailable."""
        ...

    def ping(self) -> None:
        """Return if the store answers, by one round trip; raises StoreUnavailable."""
        ...

    def writing(
        self, first: Mapping[str, int] | None = None
    ) -> AbstractContextManager[Transaction]:
        """Open a transaction; it commits when the block ends, rolls back when it raises.

        Args:
            first: what its `Reader.streams` will be asked first, so that a store may read it with
                the begin; by default that is not known.

        Raises:
            StoreUnavailable: the store can't be reached; nothing was recorded.
        """
        ...


@runtime_checkable
class LookupStore(Protocol):
    """A store that answers queries about one person or one installation by one statement."""

    def find(self, lookup: Lookup) -> Sequence[Found] | None:
        """Return what a lookup finds as of now; None if the store can't tell without a view.

        Raises:
            StoreUnavailable: the store can't be reached.
        """
        ...


class NotCached(Exception):
    """What a view is asked is not in the cache."""


@runtime_checkable
class CachingStore(Protocol):
    """A store that finds by one statement whether what it has cached of the index still holds."""

    def cached(self) -> AbstractContextManager[View]:
        """Open a view of what is cached.

        Raises:
            NotCached: here or within the block, for what is not, or does not hold any more;
                `Viewable.reading` shows it.
            StoreUnavailable: the store can't be reached.
        """
        ...


@runtime_checkable
class TimedStore(Protocol):
    """A store that knows which events have which times, without reading them all."""

    def times(self, settled: int) -> Sequence[TimeSpan]:
        """Return spans that have all events up to a position, in order.

        Args:
            settled: a position up to which the ledger is settled.

        Raises:
            StoreUnavailable: the store can't be reached.
            StoreDamaged: an event has no time.
        """
        ...


@runtime_checkable
class ConcurrentStore(Store, Protocol):
    """A store that says how concurrent calls of one process wait for each other.

    Attributes:
        suspends: whether its calls are suspended while others go on in the same thread, as on an
            asynchronous engine. Such a thread must not sleep until another call is done, which may
            need it.
        single_writer: whether each transaction that writes waits for all before it, whatever they
            write.
    """

    suspends: bool
    single_writer: bool


@runtime_checkable
class AuditableStore(Store, Protocol):
    """Provide a store whose every record can be read."""

    def auditing(self) -> AbstractContextManager[Audit]:
        """Open a view that does not change while it is open; raises StoreUnavailable."""
        ...


@runtime_checkable
class RekeyableStore(AuditableStore, Protocol):
    """Provide a store whose identifier key can be replaced.

    Attributes:
        keeps_key: whether it keeps its identifier key itself; otherwise the host gives it.
    """

    keeps_key: bool

    def rekeying(self, key: bytes) -> AbstractContextManager[AuditTransaction]:
        """Open a transaction that ends with another identifier key; others wait meanwhile.

        No command is half-way when it begins, and each that begins later sees all that it records,
        in this process or another one.

        Args:
            key: the new one; the store has it once the block has ended, and the old one if it
                raises.

        Raises:
            StoreUnavailable: the store can't be reached, or commands do not end in time; nothing
                was recorded.
        """
        ...


@runtime_checkable
class JoinableStore(Store, Protocol):
    """Provide a store in a database of the host's, and change both in one transaction."""

    def joining(
        self, host: object, committed: Callable[[], None]
    ) -> AbstractContextManager[Transaction]:
        """Join a transaction that the host has opened and will end.

        The block's changes are rolled back when it raises; otherwise they commit or roll back with
        the host's own.

        Args:
            host: the transaction, as the adapter takes it.
            committed: called once the host has committed, and never if it does not.

        Raises:
            InvalidValue: this is no transaction that can be joined.
            Conflict: a race was lost; the host's transaction can go on.
            StoreUnavailable: the database is gone, or rolled the host's transaction back.
        """
        ...
