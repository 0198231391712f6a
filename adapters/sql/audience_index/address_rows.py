"""Addresses as rows of their table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func

from addressee.application.ports.records import details_in, written_details
from addressee.domain import Address
from addressee.domain.times import from_microseconds, to_microseconds

from ..schema.tables import Schema

ADDRESS = ("service", "address", "details", "since")
"""The columns of an address."""


def recipient_columns(schema: Schema) -> list[ColumnElement[Any]]:
    """Return what follows ordinal and id in the row of a recipient."""
    service, where, details, since = (schema.address.c[name] for name in ADDRESS)
    # Drivers are faster with no bytes than with 0 of them.
    return [schema.installation.c.person, service, where, func.nullif(details, b""), since]


def address_row(ordinal: int, address: Address) -> tuple[object, ...]:
    """Return an address as its row."""
    service, where, details, since = address
    return ordinal, service, where.encode(), written_details(details), to_microseconds(since)


def address_in(service: str, where: bytes, details: bytes, since: int) -> Address:
    """Return the address within the columns of a row."""
    return Address(service, where.decode(), details_in(details), from_microseconds(since))
