"""Local times that a form takes, each with the zone that it is meant in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from addressee.domain import InvalidValue

COORDINATED = "UTC"
LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)
"""What a date field gives: some browsers show it as text, which may have a zone of its own."""
NO_TIME = "should be a time such as 2026-11-23T09:30"


@cache  # it reads a folder of the system, which stays as it is
def zones() -> Sequence[str]:
    """Return the names of time zones to choose from: UTC, and those of places."""
    places = (name for name in available_timezones() if "/" in name)
    return (COORDINATED, *sorted(name for name in places if not name.startswith("Etc/")))


def moment_in(zone: str, field: str, local: str) -> datetime:
    """Return a local time in UTC; one that occurs twice is the first.

    Args:
        zone: the name of its zone, out of `zones`.
        field: its name in an error.
        local: as a date field has it.

    Raises:
        InvalidValue: it is no time, or the zone's clocks skip it; the zone is not known.
    """
    if zone not in zones():
        raise InvalidValue("zone", "should be the name of a time zone, such as Europe/Zagreb")
    if not LOCAL.fullmatch(local):
        raise InvalidValue(field, NO_TIME)
    place: tzinfo = UTC if zone == COORDINATED else ZoneInfo(zone)
    try:
        wanted = datetime.fromisoformat(local).replace(tzinfo=place)
        found = wanted.astimezone(UTC)
        exists = found.astimezone(place).replace(tzinfo=None) == wanted.replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise InvalidValue(field, NO_TIME) from None
    if not exists:
        raise InvalidValue(field, f"is skipped in {zone}, where clocks are put forward: {local}")
    return found
