"""Rows of installations with addresses, as recipients (R38)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from addressee.application import Recipient


class RecipientRows(Collection[Recipient]):
    """Makes a recipient of each row when it is reached.

    Those that a caller does not keep are gone by the next one: a whole page of them at once takes
    memory, and time of Python's collector of cyclic garbage.

    Args:
        rows: ordinal, id, person and written address.
    """

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Recipient]:
        """Yield them in order."""
        return Recipient.of(self._rows)

    def __contains__(self, recipient: object) -> bool:
        """Return whether one of them is equal."""
        return recipient in self._rows


class Opens(Protocol):
    """Opens sealed values of the read models."""

    def opened_value(self, _: str, __: bytes, /) -> bytes:
        """Return a stored value."""
        ...


def address_place(ordinal: int) -> str:
    """Return what the sealed address of an installation is bound to."""
    return f"address {ordinal}"


def with_address(sealing: Opens, row: Sequence[Any]) -> Sequence[Any]:
    """Return the same row with its address in clear, if it has one."""
    ordinal, name, person, written = row
    if written is None:
        return row
    return ordinal, name, person, sealing.opened_value(address_place(ordinal), written)
