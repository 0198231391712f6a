"""Checks of the values that callers give (R4)."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from types import MappingProxyType
from typing import Any, NoReturn, Self, TypeVar, cast, get_args

from . import limits
from .errors import InvalidValue, LimitExceeded

T = TypeVar("T")
V = TypeVar("V")
Scalar = str | int | float | bool


class FrozenDict(dict[str, V]):
    """A dictionary that never changes, and is JSON like any other (R49)."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("what events and attributes hold is immutable")

    __setitem__ = __delitem__ = __ior__ = _refuse  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]
    clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, V]]]:
        """Copy and pickle by the constructor, since items can't be set."""
        return type(self), ({**self},)


class FlatObject(FrozenDict[Scalar]):
    """One object in the value of an attribute (R46)."""


Objects = tuple[FlatObject, ...]
Value = Scalar | Objects
"""The value of an attribute, as it is recorded."""
Attributes = Mapping[str, Scalar | date | Sequence[Mapping[str, Scalar | date]] | None]
"""Attributes as callers give them; None removes one."""

PERSON_ATTRIBUTE_LIMITS: Mapping[str, int] = MappingProxyType(
    {"first_name": 255, "last_name": 255, "middle_name": 50, "gender": 50, "birthday": 10}
)
"""Predefined attributes of a person → the value's limit in characters (R4)."""
INTEGER_BOUND = 2**63
# PostgreSQL can't store NUL; lone surrogates have no UTF-8 encoding.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
UNPRINTABLE = re.compile("[\x00-\x20\x7f\ud800-\udfff]")
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
SMALLEST_OBJECT = len("{},")
SMALLEST_FIELD = len('"a":0,')


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


def identifier(field: str, value: object, limit: int = limits.NAME) -> str:
    """Return ``value`` if it is a valid id of an installation, application or person.

    Raises:
        InvalidValue: it is not a string, or contains white space or control characters.
        LimitExceeded: it is empty or has more characters than the limit.
    """
    if isinstance(value, str) and len(value) <= limit and UNPRINTABLE.search(value):
        raise InvalidValue(field, "has white space or control characters")
    return text(field, value, limit, least=1)


def push_token(field: str, value: object, limit: int) -> str:
    """Return ``value`` if it can be the token of a push service.

    Raises:
        InvalidValue: it is not a string, or contains white space or invisible characters, which
            no push service issues: two tokens that differ in these alone are one device.
        LimitExceeded: it is empty or too long.
    """
    token = text(field, value, limit, least=1)
    if " " in token or not token.isprintable():
        raise InvalidValue(field, "has white space or invisible characters")
    return token


def composed(value: str) -> str:
    """Return ``value`` in Unicode NFC, in which tags, segments and attributes compare (R45)."""
    return value if value.isascii() else unicodedata.normalize("NFC", value)


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


def number(field: str, value: object, least: float, most: float) -> float:
    """Return ``value`` if it is a number in bounds, else raise InvalidValue."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidValue(field, f"should be a number from {least:g} to {most:g}")
    return value


def flag(field: str, value: object) -> bool:
    """Return ``value`` if it is a Boolean; raises InvalidValue otherwise."""
    if not isinstance(value, bool):
        raise InvalidValue(field, "should be true or false")
    return value


def items(field: str, value: object, most: int, unit: str = "values") -> Sequence[object]:
    """Return the values of a collection, which are counted before any is read.

    Raises:
        InvalidValue: it is not a collection.
        LimitExceeded: it has more than ``most`` values.
    """
    if isinstance(value, (list, tuple, set, frozenset)):  # first: most are one of these
        counted = cast("Collection[object]", value)
    elif isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise InvalidValue(field, "should be a list of strings")
    else:
        given = cast("Iterable[object]", value)
        counted = given if isinstance(given, Collection) else [*islice(given, most + 1)]
    if len(counted) > most:
        raise LimitExceeded(field, most, len(counted), unit)
    return [*counted]


def tags(field: str, value: object) -> frozenset[str]:
    """Return the tag names, each of 1 to 256 characters.

    Raises:
        InvalidValue: it is not a collection of strings.
        LimitExceeded: a name is empty or too long, or there are more than 10,000.
    """
    names = items(field, value, limits.TAGS_PER_COMMAND, "names")
    return frozenset(
        text(f"{field}[{n}]", name, limits.NAME, least=1) for n, name in enumerate(names)
    )


def attributes(
    field: str, value: object, own: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Value | None]:
    """Return a copy of the attributes; None as a value removes an attribute (R15).

    Args:
        field: their name in an error.
        value: name → string, number, Boolean, date, list of flat objects (R46) or None.
        own: name → limit of the value in characters; 4,096 for all others. Attributes with a limit
            of their own take strings only, ``birthday`` a date as YYYY-MM-DD.

    Raises:
        InvalidValue: a name or value has the wrong type.
        LimitExceeded: a name or value is too long, or there are more than 10,000 attributes.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidValue(field, "should be an object")
    given = cast("Mapping[object, object]", value)
    if len(given) > limits.ATTRIBUTES_PER_COMMAND:
        raise LimitExceeded(field, limits.ATTRIBUTES_PER_COMMAND, len(given), "attributes")
    return {
        text(f"{field} name", name, limits.NAME, least=1): attribute(
            f"{field}.{name}", str(name), each, own
        )
        for name, each in given.items()
    }


def attribute(field: str, name: str, given: object, own: Mapping[str, int]) -> Value | None:
    """Return an attribute's value in its recorded form."""
    if given is None:
        return None
    if name in own:
        if name == "birthday":
            given = calendar_day(field, given)
        return text(field, given, own[name])
    if isinstance(given, list | tuple):
        return objects(field, cast("Sequence[object]", given))
    return scalar(field, given)


def objects(field: str, given: Sequence[object]) -> Objects:
    """Return a list of flat objects in its recorded form; at most 4,096 characters as JSON (R46).

    The size in an error is a lower bound: the list is read up to its limit.
    """
    size = 1 + SMALLEST_OBJECT * len(given)
    check_json_size(field, size)
    made: list[FlatObject] = []
    for n, item in enumerate(given):
        place = f"{field}[{n}]"
        if not isinstance(item, Mapping):
            raise InvalidValue(place, "should be an object; a list has objects only")
        fields = cast("Mapping[object, object]", item)
        check_json_size(field, size + SMALLEST_FIELD * len(fields) - 1)
        made.append(
            FlatObject(
                (text(f"{place} name", name, limits.NAME, least=1), scalar(f"{place}.{name}", each))
                for name, each in fields.items()
            )
        )
        written = json.dumps(made[-1], ensure_ascii=False, separators=(",", ":"))
        size += len(written) + 1 - SMALLEST_OBJECT
        check_json_size(field, size)
    return tuple(made)


def check_json_size(field: str, size: int) -> None:
    """Raise LimitExceeded for a list of objects that is too long as JSON."""
    if size > limits.TEXT:
        raise LimitExceeded(field, limits.TEXT, size, "characters as JSON")


def scalar(field: str, given: object) -> Scalar:
    """Return a single value in its recorded form; a date becomes ISO 8601 text."""
    if isinstance(given, date):
        given = given.isoformat()
    if isinstance(given, str):
        return text(field, given, limits.TEXT)
    if isinstance(given, bool):
        return given
    if isinstance(given, int) and -INTEGER_BOUND <= given < INTEGER_BOUND:
        return given
    if isinstance(given, float) and math.isfinite(given):
        return given
    raise InvalidValue(
        field, "should be a string, a finite number of 64 bits, true or false, or a list of objects"
    )


def calendar_day(field: str, given: object) -> object:
    """Return a day as text; raises InvalidValue unless it is a date or text as YYYY-MM-DD."""
    if isinstance(given, datetime):
        raise InvalidValue(field, "should be a date without a time")
    if isinstance(given, date):
        return given.isoformat()
    if isinstance(given, str):
        try:
            # Only this form: `fromisoformat` also reads weeks, which no audience would find.
            date.fromisoformat(given if DAY.fullmatch(given) else "")
        except ValueError:
            raise InvalidValue(field, "should be a date written as YYYY-MM-DD") from None
    return given


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
        if isinstance(value, str) and len(value) <= limits.TIME and not value.isdecimal():
            read = datetime.fromisoformat(value.upper())
            value = read if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(value, datetime) and value.utcoffset() is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidValue(field, "should be a time such as 2026-11-23T09:30:00Z, with its zone")
