"""Addresses as rows of their table."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from addressee.application import Recipient
from addressee.domain import Address

from ..engine.compiled_query import EPOCH, MICROSECOND, from_microseconds, to_microseconds

NO_DETAILS = b""


def address_row(ordinal: int, address: Address) -> tuple[object, ...]:
    """Return an address as its row."""
    service, where, details, since = address
    written = json.dumps(dict(details), sort_keys=True).encode() if details else NO_DETAILS
    return ordinal, service, where.encode(), written, to_microseconds(since)


def address_in(service: str, where: bytes, details: bytes, since: int) -> Address:
    """Return the address within the columns of a row."""
    told: dict[str, str] = json.loads(details) if details else {}
    return Address(service, where.decode(), told, from_microseconds(since))


class Recipients(Collection[Recipient]):
    """Recipients of rows that were read, each made when it is asked for: pages are long.

    Args:
        rows: ordinal, id and person, then the columns of an address.
    """

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    def __contains__(self, one: object) -> bool:
        """Return whether a recipient is among them."""
        return any(each == one for each in self)

    def __iter__(self) -> Iterator[Recipient]:
        """Yield them; it is the inner loop of every stream, so nothing is called twice."""
        make = Recipient._make
        for ordinal, name, person, service, where, details, since in self._rows:
            told: dict[str, str] = json.loads(details) if details else {}
            at = EPOCH + since * MICROSECOND
            yield make((ordinal, name, person, service, where.decode(), told, at))
