"""How far a follower is, and what a promoted one has of its source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """How far a store is that follows the ledger of another one.

    Args:
        state: ``following`` or ``promoted``.
        position: of the last event that it has of the source; it answers as of there.
        at: when the stream got that event, in UTC; None before the first.
        published: position of the last event in the stream.
        behind: how many positions the stream is ahead.
        lag: for how many seconds the next event is in the stream already; 0 if it has all.
    """

    state: str
    position: int
    at: datetime | None
    published: int
    behind: int
    lag: float


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a promoted store has of its source.

    Args:
        position: every event of the source up to here is in the store, and none behind it.
        at: when the stream got the last of them, in UTC; None if there is none.
        published: position of the last event in the stream; None if it was not asked.
        promoted_at: since when the store takes commands, in UTC.
    """

    position: int
    at: datetime | None
    published: int | None
    promoted_at: datetime
