"""What a ledger holds, as it is stored."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Stored(NamedTuple):
    """An event as a store keeps it: nothing of it was read or understood."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


class Seal(NamedTuple):
    """What was laid down about the ledger's beginning, up to one position.

    Args:
        number: of the seal, from 1.
        first: the position behind those of the seal before.
        last: position of the last event that it covers.
        events: how many there are from ``first`` to ``last``.
        digest: of the whole ledger up to ``last``, 32 bytes.
        made_at: when, in UTC.
    """

    number: int
    first: int
    last: int
    events: int
    digest: bytes
    made_at: datetime
