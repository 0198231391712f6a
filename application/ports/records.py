"""What a ledger and its read models hold, one record each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from addressee.domain import Address, Event

LARGEST_POSITION = 2**63 - 1
"""No ledger reaches it, and databases know no larger number."""


class Recorded(NamedTuple):
    """An event with its position in the ledger."""

    position: int
    event: Event


class Stored(NamedTuple):
    """An event as it is stored, not deserialized."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


class Seal(NamedTuple):
    """A seal over the ledger from its start to one position.

    Args:
        number: of the seal, from 1.
        first: the position after those of the previous seal.
        last: position of the last event that it covers.
        events: how many there are from ``first`` to ``last``.
        digest: of the whole ledger up to ``last``, 32 bytes.
        made_at: when, in UTC.
        key_fingerprint: of the identifier key at that moment; None in seals of an early release.
    """

    number: int
    first: int
    last: int
    events: int
    digest: bytes
    made_at: datetime
    key_fingerprint: str | None = None


class Recipient(NamedTuple):
    """An installation that a push can be sent to (R38).

    Args:
        ordinal: its number, ascending in the order of registration.
        installation: its id.
        person: whose it is, if anybody's.
        service: the push service; see `Address`.
        address: where the service reaches it; personal data.
        details: what the service needs besides.
        since: when the device registered the address, in UTC.
    """

    ordinal: int
    installation: str
    person: str | None
    service: str
    address: str
    details: Mapping[str, str]
    since: datetime

    def __repr__(self) -> str:
        """Show no personal data."""
        return f"Recipient(installation={self.installation!r}, service={self.service!r})"


class InstallationRow(NamedTuple):
    """The row of an installation in the read models, without its postings.

    Args:
        ordinal: its number, ascending in the order of registration.
        installation: its id.
        application: its application's code.
        person: the person's id, if it has one.
        bound_at: since when.
        address: where a push reaches it, if anywhere.
    """

    ordinal: int
    installation: str
    application: str
    person: str | None
    bound_at: datetime | None
    address: Address | None
