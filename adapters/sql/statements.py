"""Small things that all statements share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

IN_LIMIT = 900
"""Most values within one IN list: 999 is the smallest limit of an SQLite in use."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def pages(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield the values in lists that fit an IN."""
    left = iter(values)
    while page := list(islice(left, IN_LIMIT)):
        yield page


def to_microseconds(moment: datetime) -> int:
    """Return a time as whole microseconds since 1970 in UTC, the same on every database."""
    return (moment - EPOCH) // MICROSECOND


def from_microseconds(number: int) -> datetime:
    """Return the time in UTC that a database holds as microseconds."""
    return EPOCH + number * MICROSECOND
