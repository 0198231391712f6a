"""Cells of nested records by the names that a CSV gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from addressee.domain import LimitExceeded, limits

from .imported_rows import Record

LONGEST = 2 * limits.NAME
"""A longer name is none that is read; it would be repeated for every value below it."""


def dotted(record: Record) -> dict[str, Any]:
    """Return the values of an endpoint by the names that its CSV has, such as ``User.UserId``.

    Raises:
        LimitExceeded: a name has more than 512 characters.
    """
    cells: dict[str, Any] = {}
    waiting: list[tuple[str, object]] = [("", record)]
    while waiting:
        name, value = waiting.pop()
        if len(name) > LONGEST:
            raise LimitExceeded("name", LONGEST, len(name))
        if isinstance(value, Mapping):
            inner = cast("Mapping[str, object]", value)
            waiting += [(f"{name}.{key}" if name else key, each) for key, each in inner.items()]
        else:
            cells[name] = value
    return cells


def below(cells: Record, prefix: str) -> dict[str, Any]:
    """Return the cells whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): value for name, value in cells.items() if name.startswith(prefix)
    }
