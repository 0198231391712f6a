"""A TOML file with the settings of applications."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, cast

from addressee.domain import InvalidValue

from .files import opened


def read_applications(file: Path) -> dict[str, dict[str, Any]]:
    """Return code → settings; raises InvalidValue for a file of another form."""
    try:
        with opened(file, "rb") as given:
            content = tomllib.load(given)
    except ValueError as error:
        raise InvalidValue("file", f"is no TOML: {error}") from None
    tables: object = content.get("applications")
    if set(content) != {"applications"} or not isinstance(tables, dict):
        raise InvalidValue("file", "should have tables [applications.CODE] and nothing else")
    found = cast("dict[str, object]", tables)
    if odd := [code for code, settings in found.items() if not isinstance(settings, dict)]:
        raise InvalidValue(f"applications.{odd[0]}", "should be a table")
    return cast("dict[str, dict[str, Any]]", found)
