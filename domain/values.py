"""Checks that every value passes before a command looks at it (R4)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, cast, get_args

from .errors import InvalidValue, LimitExceeded

Scalar = str | int | float | bool
Attributes = Mapping[str, Scalar | None]

TEXT_LIMIT = 4096
"""Longest attribute value and device fact, in characters (R4)."""
NAME_LIMIT = 256
"""Longest id, external id, tag and attribute name, in characters (R1, R4)."""
TAGS_IN_A_COMMAND = 10_000
"""Most tags one command carries: how many a person has is not limited."""
PERSON_ATTRIBUTE_LIMITS = {
    "first_name": 255,
    "last_name": 255,
    "middle_name": 50,
    "gender": 50,
    "birthday": 10,
}
"""Attributes that the field knows by name, with their longest value in characters (R4)."""

INTEGER_BOUND = 2**63
# NUL can't be stored by PostgreSQL, lone surrogates can't be encoded at all.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
UNPRINTABLE = re.compile("[\x00-\x20\x7f\ud800-\udfff]")


def text(field: str, value: object, limit: int, least: int = 0) -> str:
    """Return ``value`` if it is a storable string of ``least`` to ``limit`` characters.

    Raises:
        InvalidValue: it is no string, or holds a NUL or a lone surrogate.
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
    """Return ``value`` if it can name an installation, an application or a person.

    Raises:
        InvalidValue: it is no string, or has white space or control characters.
        LimitExceeded: it is empty or longer than 256 characters.
    """
    if isinstance(value, str) and UNPRINTABLE.search(value):
        raise InvalidValue(field, "has white space or control characters")
    return text(field, value, NAME_LIMIT, least=1)


def flag(field: str, value: object) -> bool:
    """Return ``value`` if it is a boolean, else raise InvalidValue."""
    if not isinstance(value, bool):
        raise InvalidValue(field, "should be true or false")
    return value


def items(field: str, value: object) -> Iterable[object]:
    """Return a collection of several values as it is; raises InvalidValue for a single one."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise InvalidValue(field, "should be a list of strings")
    return cast("Iterable[object]", value)


def tags(field: str, value: object) -> frozenset[str]:
    """Return the tag names, each of 1 to 256 characters.

    Raises:
        InvalidValue: not a collection of strings.
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
    """Return a copy of the attributes; a value of None asks to remove (R15).

    Args:
        field: what to call them in an error.
        value: name → string, number, boolean, date or None.
        limits: longest value of some names, in characters; of all others 4,096. A name with a
            limit takes strings only, ``birthday`` a date written as YYYY-MM-DD.

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
    """Return one attribute's value in the form it is recorded in."""
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
    """Return ``value`` if it is one of the strings of a Literal, else raise InvalidValue."""
    if value not in get_args(literal):
        raise InvalidValue(field, f"should be one of {', '.join(get_args(literal))}")
    return value


def moment(field: str, value: object) -> datetime:
    """Return a time that is aware of its zone in UTC; raises InvalidValue for anything else."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidValue(field, "should be a time with its zone")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise InvalidValue(field, "should be a time that UTC has too") from None
