"""Files of the operator's: TOML tables, each with its ``kind`` and the settings of that kind."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, cast

from addressee.domain import InvalidValue

T = TypeVar("T")
Settings = Mapping[str, Any]


class Kind(NamedTuple, Generic[T]):
    """What a table can be.

    Args:
        make: returns what the table describes; gets its settings, and the folder of the file.
        names: the settings that it takes.
        extra: the extra that brings what it needs.
    """

    make: Callable[[Settings, Path], T]
    names: frozenset[str]
    extra: str = ""


def read_toml(field: str, file: Path) -> Settings:
    """Return a file's tables; raises InvalidValue."""
    try:
        with file.open("rb") as opened:
            return tomllib.load(opened)
    except OSError as error:
        raise InvalidValue(field, f"{file} can't be opened: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = str(error).rpartition("(")[2].rstrip(")") if "(at " in str(error) else "somewhere"
        raise InvalidValue(field, f"{file} is no TOML: {place}") from None


def made(place: str, given: object, kinds: Mapping[str, Kind[T]], folder: Path) -> T:
    """Return what a table describes.

    Args:
        place: names the table in errors, such as ``senders: shop.fcm``.
        given: the table.
        kinds: what it can be.
        folder: of the file, where paths in it start.

    Raises:
        InvalidValue: the table is wrong; no value of it is repeated, for they may be secret.
    """
    settings = table(place, given)
    kind = settings.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise InvalidValue(f"{place}.kind", f"should be one of {', '.join(kinds)}")
    make, names, extra = kinds[kind]
    if unknown := sorted(settings.keys() - names - {"kind"}):
        problem = f"is no setting of {kind}; there are: {', '.join(sorted(names))}"
        raise InvalidValue(f"{place}.{unknown[0]}", problem)
    try:
        return make(settings, folder)
    except ImportError:
        problem = f"needs more: pip install 'addressee[{extra}]'"
        raise InvalidValue(f"{place}.kind", problem) from None
    except InvalidValue as error:
        raise InvalidValue(f"{place}.{error.field}", error.problem) from None


def table(place: str, value: object) -> Settings:
    """Return a table of the file; raises InvalidValue for anything else."""
    if not isinstance(value, dict):
        raise InvalidValue(place, "should be a table")
    return cast("Settings", value)


def content_of(name: str, settings: Settings, folder: Path) -> str:
    """Return what is in the file that a setting names; raises InvalidValue."""
    file = folder / text(settings, name)
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidValue(name, "names a file that can't be read") from None


def text(settings: Settings, name: str, default: str | None = None) -> str:
    """Return a setting that is a text; raises InvalidValue where it is missing or is none."""
    value = settings.get(name, default)
    if not isinstance(value, str) or not value:
        raise InvalidValue(name, "should be a text")
    return value


def texts(settings: Settings, name: str, default: list[str] | None = None) -> list[str]:
    """Return a setting that is a list of texts; raises InvalidValue likewise."""
    value: object = settings.get(name, default)
    found = cast("list[object]", value) if isinstance(value, list) else [None]
    if not all(isinstance(each, str) for each in found):
        raise InvalidValue(name, "should be a list of texts")
    return cast("list[str]", found)


def whole(settings: Settings, name: str, default: int) -> int:
    """Return a setting that is a whole number above 0; raises InvalidValue for anything else."""
    value: object = settings.get(name, default)
    if type(value) is not int or value < 1:
        raise InvalidValue(name, "should be a whole number above 0")
    return value
