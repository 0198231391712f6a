"""Changes of what is beside the ledger, and of the ledger, which says who made them (R60)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from addressee.domain import Action

from .applications import Applications
from .delivery.relays import SinkProgress
from .store import Store


class Recording(Protocol):
    """Represent a transaction that can add to the ledger what callers did in it."""

    def record(self, *actions: Action) -> None:
        """Add actions to the ledger, each as the next event of its stream; the last call.

        Nothing is added while the ledger is empty, since it may yet be filled, sealed or made to
        follow another one, nor where it follows another one.

        Raises:
            Conflict: another transaction was faster.
        """
        ...


class Administering(Recording, Protocol):
    """Show and change applications, keys and sinks: all on leaving the block, or nothing."""

    @property
    def applications(self) -> Applications:
        """The mobile apps of the account, and their API keys."""
        ...

    def sink(self, name: str, lease: float) -> SinkProgress:
        """Return the progress of a sink; arguments as of `RelayStore.sink`."""
        ...


@runtime_checkable
class AdministrableStore(Store, Protocol):
    """Provide a store of which the ledger says who changed applications, keys and sinks."""

    def administering(self) -> AbstractContextManager[Administering]:
        """Open a transaction; it commits when the block ends, rolls back when it raises.

        Raises:
            StoreUnavailable: the store can't be reached.
        """
        ...
