"""Whether a stream is the one that a store has followed so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from addressee.adapters.sql.store.follower_state import Followed
from addressee.domain import LedgerStreamInvalid

from .page import Arrived, place_of, read_page

if TYPE_CHECKING:  # it needs an extra
    from .jetstream_consumer import JetStreamLedger

OTHER_KEY = (
    "is of another ledger, or of this one under a new identifier key: then have an empty store"
    " follow a new stream, with the new key"
)
GONE = "is not in the stream any more"


def unread(stream: JetStreamLedger, state: Followed) -> Arrived | None:
    """Return the last message of a stream; None if the store has it.

    Nothing is changed, at the server or in the store.

    Args:
        stream: the stream.
        state: what the store notes; one that never followed fits every stream with a beginning.

    Raises:
        LedgerStreamInvalid: the stream is of another ledger, was made again, or lacks what comes
            next.
        StoreUnavailable: the stream can't be reached.
    """
    first, last = stream.ends()
    taken = state.sequence
    known = stream.message(min(taken, last)) if taken and last else None
    heading = None if known is None else read_page(known).heading
    if known and heading and heading.key_fingerprint != state.ledger:
        raise LedgerStreamInvalid(place_of(known), OTHER_KEY)
    if last < taken:
        problem = f"is the last one, and {taken} was taken: the stream was made again"
        raise LedgerStreamInvalid(f"message {last}", problem)
    if first > taken + 1:
        raise LedgerStreamInvalid(f"message {taken + 1}", GONE)
    if known and heading and heading.digest != state.digest:
        problem = "is not the one that was taken: the stream was made again"
        raise LedgerStreamInvalid(place_of(known), problem)
    if last == taken:
        return None
    newest = stream.message(last)
    if newest is None:
        raise LedgerStreamInvalid(f"message {last}", GONE)
    return newest
