"""Addresses as rows of their table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from addressee.application import Recipient
from addressee.domain import Address

from ..engine.compiled_query import from_microseconds, to_microseconds

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


def recipient_in(row: Sequence[Any]) -> Recipient:
    """Return the recipient of a row: ordinal, id and person, then the columns of an address."""
    ordinal, name, person, service, where, details, since = row
    told: dict[str, str] = json.loads(details) if details else {}
    return Recipient(ordinal, name, person, service, where.decode(), told, from_microseconds(since))
