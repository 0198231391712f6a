"""What the readers and transactions of one store share."""

from __future__ import annotations

from typing import NamedTuple

from addressee.adapters.serialization.event_mapper import EventMapper

from ..audience_index.compaction import Upkeep
from ..event_store.settled_reader import Tail
from .store_statements import Prepared


class Parts(NamedTuple):
    """A store without its database.

    Args:
        prepared: statements on the store's tables.
        mapper: turns events into bytes and back.
        tail: knows which part of the ledger is settled.
        upkeep: compacts now and then.
    """

    prepared: Prepared
    mapper: EventMapper
    tail: Tail
    upkeep: Upkeep
