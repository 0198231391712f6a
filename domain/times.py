"""Times as whole microseconds since 1970 in UTC, which are the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FIRST = datetime.min.replace(tzinfo=UTC)


def to_microseconds(moment: datetime) -> int:
    """Return a time as whole microseconds."""
    return (moment - EPOCH) // MICROSECOND


def microseconds_or_none(moment: datetime | None) -> int | None:
    """Return the same, or None for no time."""
    return None if moment is None else to_microseconds(moment)


def from_microseconds(number: int) -> datetime:
    """Return the time in UTC of a number of microseconds."""
    return EPOCH + number * MICROSECOND


def ago(moment: datetime, time: timedelta) -> datetime:
    """Return the moment so long before another, or the first that there is."""
    return moment - time if moment - FIRST > time else FIRST
