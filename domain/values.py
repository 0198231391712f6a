"""Checks of the values that callers give (R4)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar, cast, get_args

from .errors import InvalidValue, LimitExceeded

T = TypeVar("T")
Scalar = str | int | float | bool
Attributes = Mapping[str, Scalar | None]

TEXT_LIMIT = 4096
"""Longest attribute value and device fact, in characters (R4)."""
NAME_LIMIT = 256
"""Longest id, external id, tag and attribute name, in characters (R1, R4)."""
TAGS_IN_A_COMMAND = 10_000
"""Largest number of tags in one command."""
PERSON_ATTRIBUTE_LIMITS = {
    "first_name": 255,
    "last_name": 255,
    "middle_name": 50,
    "gender": 50,
    "birthday": 10,
}
"""Predefined attributes of a person → the value's limit in characters (R4)."""

INTEGER_BOUND = 2**63
TIME_LIMIT = 64
"""Longest text of a time, in characters."""
# PostgreSQL can't store NUL; lone surrogates have no UTF-8 encoding.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
UNPRINTABLE = re.compile("[\x00-\x20\x7f\ud800-\udfff]")


def text(field: str, value: object, limit: int, least: int = 0) -> str:
    """Return ``value`` if it is a storable string of ``least`` to ``limit`` characters.

    Raises:
        InvalidValue: it is not a string, or contains NUL or a lone surrogate.
        LimitExceeded: it is too long or too short.
    """
    if not isinstance(value, str):
        raise InvalidValue(field, "should be a string")
    if not least <= len(value) <= limit:
        raise LimitExceeded(field, limit, len(value), least=least)
    if UNSTORABLE.search(value):
        raise InvalidValue(field, "has a NUL character or half a surrogate pair")
    return value


def identifier(field: str, value: object) -> str:
    """Return ``value`` if it is a valid id of an installation, application or person.

    Raises:
        InvalidValue: it is not a string, or contains white space or control characters.
        LimitExceeded: it is empty or longer than 256 characters.
    """
    if isinstance(value, str) and UNPRINTABLE.search(value):
        raise InvalidValue(field, "has white space or control characters")
    return text(field, value, NAME_LIMIT, least=1)


def instance(field: str, value: object, kind: type[T]) -> T:
    """Return ``value`` if it is of a type, else raise InvalidValue."""
    if not isinstance(value, kind):
        raise InvalidValue(field, f"should be of type {kind.__name__}")
    return value


def whole(field: str, value: object, least: int, most: int) -> int:
    """Return ``value`` if it is a whole number in bounds, else raise InvalidValue."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidValue(field, f"should be a whole number from {least} to {most}")
    return value


def flag(field: str, value: object) -> bool:
    """Return ``value`` if it is a Boolean; raises InvalidValue otherwise."""
    if not isinstance(value, bool):
        raise InvalidValue(field, "should be true or false")
    return value


def items(field: str, value: object) -> Iterable[object]:
    """Return a collection unchanged; raises InvalidValue for a single value."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise InvalidValue(field, "should be a list of strings")
    return cast("Iterable[object]", value)


def tags(field: str, value: object) -> frozenset[str]:
    """Return the tag names, each of 1 to 256 characters.

    Raises:
        InvalidValue: it is not a collection of strings.
        LimitExceeded: a name is empty or too long, or there are more than 10,000.
    """
    names = frozenset(
        text(f"{field}[{n}]", name, NAME_LIMIT, least=1)
        for n, name in enumerate(items(field, value))
    )
    if len(names) > TAGS_IN_A_COMMAND:
        raise LimitExceeded(field, TAGS_IN_A_COMMAND, len(names), unit="names")
    return names


def attributes(
    field: str, value: object, limits: Mapping[str, int] = {}
) -> dict[str, Scalar | None]:
    """Return a copy of the attributes; None as a value removes an attribute (R15).

    Args:
        field: their name in an error.
        value: name → string, number, Boolean, date or None.
        limits: name → limit of the value in characters; 4,096 for all others. Attributes with a
            limit of their own take strings only, ``birthday`` a date as YYYY-MM-DD.

    Raises:
        InvalidValue: a name or value has the wrong type.
        LimitExceeded: a name or value is too long.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidValue(field, "should be an object")
    return {
        text(f"{field} name", name, NAME_LIMIT, least=1): attribute(
            f"{field}.{name}", str(name), given, limits
        )
        for name, given in cast("Mapping[object, object]", value).items()
    }


def attribute(field: str, name: str, given: object, limits: Mapping[str, int]) -> Scalar | None:
    """Return an attribute's value in its recorded form."""
    if given is None:
        return None
    if isinstance(given, date):
        given = given.isoformat()
    if name in limits or isinstance(given, str):
        given = text(field, given, limits.get(name, TEXT_LIMIT))
        if name == "birthday" and name in limits:
            calendar_day(field, given)
        return given
    if isinstance(given, bool):
        return given
    if isinstance(given, int) and -INTEGER_BOUND <= given < INTEGER_BOUND:
        return given
    if isinstance(given, float) and math.isfinite(given):
        return given
    raise InvalidValue(field, "should be a string, a finite number of 64 bits, or true or false")


def calendar_day(field: str, given: str) -> None:
    """Raise InvalidValue unless ``given`` is a day written as YYYY-MM-DD."""
    try:
        date.fromisoformat(given)
    except ValueError:
        raise InvalidValue(field, "should be a date written as YYYY-MM-DD") from None


def choice(field: str, value: object, literal: Any) -> Any:  # noqa: ANN401 # a Literal has no type
    """Return ``value`` if it is one of the strings of a Literal; raises InvalidValue otherwise."""
    if value not in get_args(literal):
        raise InvalidValue(field, f"should be one of {', '.join(get_args(literal))}")
    return value


def moment(field: str, value: object) -> datetime:
    """Return a time in UTC.

    Args:
        field: its name in an error.
        value: a datetime with its zone, or ISO 8601 text. Text without a zone is UTC: a wire has
            no local time. A datetime without a zone is refused: it may be meant as local time.

    Raises:
        InvalidValue: it is neither, or not within the years 1 to 9999 in UTC.
    """
    try:
        if isinstance(value, str) and len(value) <= TIME_LIMIT and not value.isdecimal():
            read = datetime.fromisoformat(value.upper())
            value = read if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(value, datetime) and value.utcoffset() is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidValue(field, "should be a time such as 2026-11-23T09:30:00Z, with its zone")
