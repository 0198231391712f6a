"""A queue that tells workers when to take a batch of a dispatch."""

from __future__ import annotations

from typing import Protocol


class Ticket(Protocol):
    """Leave to take the next batch of a dispatch; which one it is, the dispatch's record decides.

    A ticket that is lost, or comes twice, therefore loses or doubles no batch.

    Attributes:
        dispatch: the dispatch's id.
    """

    @property
    def dispatch(self) -> str:
        """The dispatch's id."""
        ...

    def taken(self) -> None:
        """Let other workers take further batches: one has left under this ticket."""
        ...

    def alive(self) -> None:
        """Keep the ticket for longer; otherwise it is delivered to another worker."""
        ...

    def later(self, seconds: float) -> None:
        """Have it delivered again after so many seconds."""
        ...

    def done(self) -> None:
        """Give it back: what became of its batch is recorded, or there was none."""
        ...


class WorkQueue(Protocol):
    """Give tickets to any number of workers; any call may raise StoreUnavailable.

    Stores that share a queue are told apart by their names (`DispatchView.store_name`).
    """

    def offer(self, store: str, application: str, dispatch: str) -> None:
        """Have a ticket of a dispatch be there, and take tickets of its application from now on.

        Raises:
            StoreUnavailable: the queue can't be reached, or takes none.
        """
        ...

    def take(self, store: str, seconds: float) -> Ticket | None:
        """Return the next ticket of a store, or None after so many seconds."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
