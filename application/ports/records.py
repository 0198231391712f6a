"""What a ledger and its read models hold, one record each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from operator import itemgetter
from typing import Any, Literal, NamedTuple, Self, cast

from addressee.domain import Address, Event
from addressee.domain.times import from_microseconds, to_microseconds

LARGEST_POSITION = 2**63 - 1
"""No ledger reaches it, and databases know no larger number."""
SEPARATOR = b"\0"
"""Between the parts of a written address."""


class Recorded(NamedTuple):
    """An event with its position in the ledger."""

    position: int
    event: Event


Trace = tuple[int, str, int, str, datetime]
"""What there is to know of an event without its state: position, stream, version, topic, time."""


class Stored(NamedTuple):
    """An event as it is stored, not deserialized."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


class TimeSpan(NamedTuple):
    """The times of a run of events: clocks differ, so that they need not ascend.

    Args:
        last: position of the last event; the first one follows the last one of the span before.
        earliest, latest: of their times, in microseconds since 1970.
    """

    last: int
    earliest: int
    latest: int


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


class Recipient(tuple[int, str, str | None, bytes]):
    """An installation that a push can be sent to (R38).

    It is a row of a store as it is: an address is read where it is asked for, since a dispatch
    holds many thousands of recipients and needs few of each at a time.

    Args:
        ordinal: its number, ascending in the order of registration.
        installation: its id.
        person: whose it is, if anybody's.
        service: the push service; see `Address`.
        address: where the service reaches it; personal data.
        details: what the service needs besides.
        since: when the device registered the address, in UTC.
    """

    __slots__ = ()

    def __new__(  # noqa: PLR0913, PLR0917 # a record of that many fields
        cls,
        ordinal: int,
        installation: str,
        person: str | None,
        service: str,
        address: str,
        details: Mapping[str, str],
        since: datetime,
    ) -> Self:
        """Return the row of these values."""
        written = written_address(Address(service, address, details, since))
        return super().__new__(cls, (ordinal, installation, person, written))

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> Iterator[Self]:
        """Yield the recipients of rows: ordinal, id, person and written address."""
        return map(cast("Any", tuple).__new__, repeat(cls), rows)

    ordinal: int = property(itemgetter(0))  # type: ignore[assignment] # as a named tuple's fields
    installation: str = property(itemgetter(1))  # type: ignore[assignment] # likewise
    person: str | None = property(itemgetter(2))  # type: ignore[assignment] # likewise

    @property
    def service(self) -> str:
        """The push service."""
        return self[3].split(SEPARATOR, 3)[2].decode()

    @property
    def address(self) -> str:
        """Where the service reaches the installation; personal data."""
        return self[3].split(SEPARATOR, 3)[3].decode()

    @property
    def details(self) -> Mapping[str, str]:
        """What the service needs besides."""
        return address_in(self[3]).details

    @property
    def since(self) -> datetime:
        """When the device registered the address, in UTC."""
        return address_in(self[3]).since

    def __repr__(self) -> str:
        """Show no personal data."""
        return f"Recipient(installation={self.installation!r}, service={self.service!r})"


def written_address(address: Address) -> bytes:
    """Return an address as stores write it: since, details, service, address, zero bytes between.

    One column is read in a third of the time of four. No text of a device has a zero byte.
    """
    service, where, details, since = address
    told = json.dumps(dict(details), sort_keys=True) if details else ""
    parts = (str(to_microseconds(since)), told, service, where)
    return SEPARATOR.join(part.encode() for part in parts)


def address_in(written: bytes) -> Address:
    """Return the address that a store has written."""
    since, told, service, where = written.split(SEPARATOR, 3)
    details: Mapping[str, str] = json.loads(told) if told else {}
    return Address(service.decode(), where.decode(), details, from_microseconds(int(since)))


class InstallationRow(NamedTuple):
    """The row of an installation in the read models, without its postings.

    Args:
        ordinal: its number, ascending in the order of registration.
        installation: its id.
        application: its application's code.
        person: the person's id, if it has one.
        bound_at: since when.
        address: where a push reaches it, if anywhere.
        flags: which of `FLAGS` hold; None in a store that does not write them yet.
        idle_from: of one that is bound, when its session was last alive, or earlier.
        anonymous_from: of one that is not bound and has not expired, when it was last used, or
            earlier.
    """

    ordinal: int
    installation: str
    application: str
    person: str | None
    bound_at: datetime | None
    address: Address | None
    flags: int | None
    idle_from: datetime | None
    anonymous_from: datetime | None


class Lookup(NamedTuple):
    """A query for the installations of an identifier's holder, or for one by its id.

    Args:
        application: where they are.
        by: what ``name`` is: the claim stream of an identifier, or an installation's id.
        name: of which.
        flags: those of `FLAGS` that have to hold, all of them.
        first: the lowest ordinal that counts.
        limit: most installations.
        addresses: whether recipients are wanted.
    """

    application: str
    by: Literal["claim", "installation"]
    name: str
    flags: int
    first: int
    limit: int
    addresses: bool


class Found(NamedTuple):
    """What a lookup finds, in ascending order of ``ordinal``.

    Args:
        ordinal: of an installation.
        installation: its id.
        recipient: with its address; None where it has none, or recipients are not wanted.
    """

    ordinal: int
    installation: str
    recipient: Recipient | None = None


class Mark(NamedTuple):
    """A state of the audience index that a store remembers.

    Args:
        number: of the mark; it ascends.
        settled: the index showed all events up to this position,
        last: and none after this one; of those in between, it may have shown any.
    """

    number: int
    settled: int
    last: int


EMPTY = Mark(0, 0, 0)
"""The index before the first event."""
