"""What the readers and transactions of one store share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.adapters.serialization.sealed_event_format import Locked

from ..audience_index.compaction_trigger import Upkeep
from ..event_store.event_times import EventTimes
from ..event_store.settled_reader import Tail
from .store_statements import Prepared

if TYPE_CHECKING:  # it needs an extra
    from addressee.adapters.serialization.sealing import Sealing


class Parts(NamedTuple):
    """A store without its database.

    Args:
        prepared: statements on the store's tables.
        mapper: turns events into bytes and back.
        tail: knows which part of the ledger is settled.
        upkeep: compacts now and then.
        times: knows the times of the ledger's events.
        sealing: seals and opens personal data; None where it is in clear.
    """

    prepared: Prepared
    mapper: EventMapper
    tail: Tail
    upkeep: Upkeep
    times: EventTimes
    sealing: Sealing | Locked | None = None
