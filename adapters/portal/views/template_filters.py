"""Filters of the templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from .masking import written


def moment(at: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def field_moment(at: datetime | None) -> str:
    """Return a time as date fields have it."""
    return "" if at is None else f"{at:%Y-%m-%dT%H:%M:%S}"


def number(value: int) -> str:
    """Return a number with its thousands apart."""
    return f"{value:,}"


def plural(value: int, one: str, several: str = "") -> str:
    """Return a number with its noun."""
    return f"{value:,} {one if value == 1 else several or one + 's'}"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "moment": moment,
    "field_moment": field_moment,
    "number": number,
    "plural": plural,
    "written": written,
}
