"""A message of the stream: the next events of the ledger, byte by byte as they are stored.

The first line says which ledger it is, what comes before, and what digest the whole ledger has with
these events; then comes a line for each event, as in an export (docs/export.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field

from addressee.adapters.ledger_files.file_schema import Digest, Fields, SealId, checked
from addressee.adapters.ledger_files.jsonl import event_of
from addressee.application import Stored, link
from addressee.domain import LedgerFileInvalid, LedgerStreamInvalid

Count = Annotated[int, Field(ge=0)]


class PageHeading(Fields):
    """The first line of a message.

    Args:
        page: version of the format.
        key_fingerprint: of the ledger's identifier key (R5).
        indexed_attributes: those that audiences of the source could use.
        after: position of the event before the first one; 0 for none.
        last: position of the last one.
        events: how many there are.
        digest: of the whole ledger up to the last one (hash_chain.py).
        sealed_as: the id that sealed personal data is bound to.
        mac: of all else in the message, by the identifier key: nobody writes one without that key.
    """

    page: Literal[1]
    key_fingerprint: str
    indexed_attributes: list[str]
    after: Count
    last: Count
    events: Count
    digest: Digest
    sealed_as: SealId | None = None
    mac: Digest | None = None

    def signed(self, body: bytes, key: bytes) -> Self:
        """Return the same with the MAC of a message that goes on with a body."""
        bare = self.model_copy(update={"mac": None})
        mac = blake2b(bare.line() + body, key=key, digest_size=32, person=b"ledger page")
        return self.model_copy(update={"mac": mac.hexdigest()})


class LedgerPage(NamedTuple):
    """What a message holds."""

    heading: PageHeading
    events: Sequence[Stored]


class Arrived(NamedTuple):
    """A message as it comes out of the stream.

    Args:
        sequence: its number in the stream, from 1.
        content: a page of the ledger.
        at: when the stream got it, in UTC.
    """

    sequence: int
    content: bytes
    at: datetime


def written_page(heading: PageHeading, lines: Sequence[bytes], key: bytes) -> bytes:
    """Return a message, signed with the identifier key."""
    body = b"".join(lines)
    return heading.signed(body, key).line() + body


def place_of(arrived: Arrived) -> str:
    """Return where a message is, for an error."""
    return f"message {arrived.sequence}"


def read_page(arrived: Arrived) -> LedgerPage:
    """Return what a message holds; raises LedgerStreamInvalid unless it is whole."""
    place = place_of(arrived)
    first, *lines = arrived.content.removesuffix(b"\n").split(b"\n")
    try:
        heading = checked(PageHeading, first, "line 1")
        events = [event_of(line, f"line {n}") for n, line in enumerate(lines, 2)]
    except LedgerFileInvalid as error:
        raise LedgerStreamInvalid(place, f"{error.place}: {error.problem}") from None
    positions = [event.position for event in events]
    ascending = [heading.after, *sorted({*positions})]
    if [heading.after, *positions] != ascending or len(events) != heading.events:
        raise LedgerStreamInvalid(place, "does not hold the events that its first line names")
    if not events or positions[0] <= heading.after or positions[-1] != heading.last:
        raise LedgerStreamInvalid(place, "does not hold the positions that its first line names")
    return LedgerPage(heading, events)


def check_signed(arrived: Arrived, heading: PageHeading, key: bytes) -> None:
    """Raise LedgerStreamInvalid unless a message was signed with the identifier key."""
    body = arrived.content.partition(b"\n")[2]
    expected = heading.signed(body, key).mac
    if not compare_digest(heading.mac or "", expected or ""):
        raise LedgerStreamInvalid(place_of(arrived), "was not signed by the source")


def digest_after(digest: bytes, events: Sequence[Stored]) -> bytes:
    """Return the digest of a ledger that goes on with events."""
    for event in events:
        digest = link(digest, event)
    return digest
