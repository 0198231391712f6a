"""The clock and the ids that are used where a host gives none."""

from __future__ import annotations

from datetime import UTC, datetime
from secrets import token_hex


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """Return 32 random hexadecimal digits."""
    return token_hex(16)
