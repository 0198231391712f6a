"""When a request may be sent again."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

TIMEOUT = 20.0
"""For an answer, in seconds; connecting may take half of it."""
LONGEST_WAIT = 3600.0
"""What a service asks for beyond that is not obeyed, in seconds."""
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Errors after which no byte of the request was sent."""


def retry_after(response: httpx.Response, least: float) -> float:
    """Return how many seconds ``Retry-After`` asks for, by number or date; at least ``least``."""
    given = response.headers.get("retry-after", "")
    try:
        wait = float(given)
    except ValueError:
        try:
            wait = (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            wait = 0.0
    return max(least, min(wait, LONGEST_WAIT)) if wait == wait else least  # noqa: PLR0124 # not a number
