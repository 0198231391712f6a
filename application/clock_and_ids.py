"""The clock and the ids that are used where a host gives none."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """Return 32 random hexadecimal digits (UUID version 4)."""
    return uuid4().hex
