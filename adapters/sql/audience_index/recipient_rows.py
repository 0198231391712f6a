"""Rows of installations with addresses, as recipients (R38)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

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
