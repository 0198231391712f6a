"""The next facts of a ledger, for one turn of a relay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..ports.delivery.event_sink import FactMessage
from ..ports.store import Viewable
from .cloud_events import CloudEvents


class Batch(NamedTuple):
    """The next facts of a ledger.

    Args:
        before: the position that they are behind.
        after: of the last event that was read; the facts are among those.
        messages: the facts.
        full: whether there may be more behind them.
    """

    before: int
    after: int
    messages: Sequence[FactMessage]
    full: bool

    def reached(self, sent: int) -> int:
        """Return how far a sink is that has so many of the messages, from the first on."""
        if sent == len(self.messages):
            return self.after
        return self.messages[sent - 1].position if sent else self.before

    def ends(self, sent: int) -> bool:
        """Whether that is all there is."""
        return sent == len(self.messages) and not self.full


def next_batch(store: Viewable, events: CloudEvents, position: int, limit: int) -> Batch | None:
    """Return the facts behind a position, up to where the ledger is settled; None at its end.

    Args:
        store: whose ledger.
        events: turns facts into messages.
        position: where to go on.
        limit: most events to read.
    """
    settled = store.settled()
    with store.reading() as view:
        page = view.events(position, limit, settled)
    if not page:
        return None
    messages: list[FactMessage] = []
    previous = position
    for recorded in page:
        if (message := events.message(recorded, previous)) is not None:
            messages.append(message)
            previous = message.position
    return Batch(position, page[-1].position, messages, len(page) == limit)
