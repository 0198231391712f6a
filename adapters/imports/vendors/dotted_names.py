"""Cells of nested records by the names that a CSV gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .imported_rows import Record


def dotted(record: Record) -> dict[str, Any]:
    """Return the values of an endpoint by the names that its CSV has, such as ``User.UserId``."""
    cells: dict[str, Any] = {}
    waiting: list[tuple[str, object]] = [("", record)]
    while waiting:
        name, value = waiting.pop()
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
