"""A whole ledger on its way out of a store and into another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, runtime_checkable

from addressee.domain import Event

from .read_model_changes import Changes
from .records import Stored
from .store import Store
from .transaction_views import View

FORMAT = 1
"""Version of what a file holds, whatever its form."""


class Heading(NamedTuple):
    """The heading of an exported ledger, before the events.

    Args:
        indexed_attributes: those that audiences of the store could use, sorted.
        key_fingerprint: which identifier key the ledger's identifiers were hashed with (R5).
        identifier_key: that key, where it travels along.
        version: of the format.
        sealed_as: the id that sealed personal data is bound to; None for a ledger in clear.
    """

    indexed_attributes: tuple[str, ...]
    key_fingerprint: str
    identifier_key: bytes | None = None
    version: int = FORMAT
    sealed_as: str | None = None


class End(NamedTuple):
    """The end of an exported ledger, after the events, so that a cut or changed file is noticed.

    Args:
        events: how many there are.
        last: position of the last one; 0 without any.
        digest: what a seal of all of them would be (hash_chain.py).
    """

    events: int
    last: int
    digest: bytes


class Sink(Protocol):
    """Take a ledger, its heading given before."""

    def write(self, events: Sequence[Stored]) -> None:
        """Take the next events."""
        ...

    def finish(self, end: End) -> None:
        """Take the end and keep the whole; without this call nothing is kept."""
        ...


class Source(Protocol):
    """Give a ledger.

    Attributes:
        heading: comes before the events.
        events: in ledger order; raises LedgerFileInvalid.
    """

    heading: Heading
    events: Iterator[Stored]

    def end(self) -> End:
        """Return the end, once all events are taken; raises LedgerFileInvalid."""
        ...


class Filling(View, Protocol):
    """Fill a store that is empty: all on leaving the block, or nothing."""

    def event(self, stored: Stored) -> Event:
        """Return the deserialized event; raises StoreDamaged if it can't be read."""
        ...

    def fill(self, events: Sequence[Stored], changes: Changes) -> None:
        """Record events at their positions, and bring the read models up to them.

        Raises:
            LedgerFileInvalid: a stream has an event of that version already.
        """
        ...


@runtime_checkable
class FillableStore(Store, Protocol):
    """Provide a store that another one's ledger can be imported into."""

    def filling(
        self, key: bytes, indexed: AbstractSet[str], sealed_as: str | None = None
    ) -> AbstractContextManager[Filling]:
        """Open a transaction that excludes all other writers.

        Args:
            key: the identifier key that the store has from then on.
            indexed: the attributes that audiences may use from then on.
            sealed_as: the id that sealed data of the ledger is bound to; None if it is in clear,
                and is sealed on its way where the store has keys.

        Raises:
            StoreSealed: the ledger is sealed, and the store has no keys.
            StoreNotEmpty: the store has events.
            StoreUnavailable: the store can't be reached.
        """
        ...
