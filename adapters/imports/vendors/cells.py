"""Cells of foreign files: the many forms of nothing, times, flags and attributes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, cast

from addressee.domain import InvalidValue, UserIdentityInvalid, limits, values
from addressee.domain.person_identifiers import check_names_somebody

from .imported_rows import Record

NOTHING = frozenset(
    {"", "null", "none", "undefined", "nil", "nan", "\\n", "(null)", "<null>", "[null]"}
)
"""What systems write for an empty cell, in lower case: MySQL ``\\N``, Apple's apps ``(null)``."""
NOBODY = limits.NONE_IDS | NOTHING
MILLISECONDS_FROM = 100_000_000_000
"""As seconds, a number that large is after the year 5000: it counts milliseconds."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No device was seen before: such a time is a zero, a default, or days written as a number."""
ZERO_DATE = re.compile(r"0\d{3}-", re.ASCII)
"""How dates begin that stand for none, such as 0000-00-00 and 0001-01-01."""
TRUE = frozenset({"t", "true", "1", "1.0", "yes"})
FALSE = frozenset({"f", "false", "0", "0.0", "no"})
DEEPEST = 100
"""How many lists and objects the value of an attribute may have within each other."""


def text_of(record: Record, name: str) -> str | None:
    """Return a cell as text, None where it is missing or stands for nothing.

    Raises:
        InvalidValue: it is a list or an object.
    """
    value: object = record.get(name)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise InvalidValue(name, "should be a single value")
    return None if value.strip().casefold() in NOTHING else value


def need_text(record: Record, name: str) -> str:
    """Return a cell as text; raises InvalidValue where it is missing."""
    value = text_of(record, name)
    if value is None:
        raise InvalidValue(name, "is missing")
    return value


def person_of(record: Record, name: str) -> str | None:
    """Return a person's external id, None where the cell stands for nobody (R44)."""
    value = text_of(record, name)
    if value is None:
        return None
    try:
        check_names_somebody(value, NOBODY)
    except UserIdentityInvalid:
        return None
    return value


def flag_of(record: Record, name: str) -> bool | None:
    """Return a flag, None where it is missing; raises InvalidValue for another value."""
    value: object = record.get(name)
    if isinstance(value, bool):
        return value
    text = text_of(record, name)
    if text is None:
        return None
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise InvalidValue(name, "should be true or false")


def moment_of(record: Record, *names: str) -> datetime | None:
    """Return the time in the first of some cells that tells one, in UTC.

    Times before 2000 tell none. Seconds, milliseconds, ISO 8601 with a zone or without (then UTC),
    a space in place of the T, and the forms of MongoDB (``{"$date": …}``) and Parse
    (``{"iso": …}``).

    Raises:
        InvalidValue: a cell has none of these forms.
    """
    for name in names:
        value: object = record.get(name)
        while isinstance(value, Mapping):
            form = cast("Mapping[str, object]", value)
            value = form.get("$date", form.get("$numberLong", form.get("iso")))
        text = text_of({name: value}, name)
        if text is not None and (found := moment(name, text.strip())) is not None:
            return found
    return None


def moment(name: str, text: str) -> datetime | None:
    """Return the time that a text tells, None for one before 2000; raises InvalidValue."""
    try:
        number = float(text)
    except ValueError:
        if ZERO_DATE.match(text):
            return None
        found = values.moment(name, text.removesuffix(" UTC"))
        return found if found >= EARLIEST else None
    seconds = number / 1000 if abs(number) >= MILLISECONDS_FROM else number
    if seconds < EARLIEST.timestamp():
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidValue(name, "is no time up to the year 9999") from None


def object_in(record: Record, name: str) -> Mapping[str, Any]:
    """Return an object, which may be JSON in a cell; empty where it is missing.

    Raises:
        InvalidValue: it is something else.
    """
    value: object = record.get(name)
    if isinstance(value, str):
        if value.strip().casefold() in NOTHING:
            return {}
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise InvalidValue(name, "is no JSON") from None
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidValue(name, "should be a JSON object")
    return cast("Mapping[str, Any]", value)


def list_in(record: Record, name: str) -> list[Any]:
    """Return a list, empty where it is missing; raises InvalidValue for something else."""
    value: list[Any] | None = record.get(name)
    if value is None:
        return []
    values.instance(name, value, list)
    return value


def objects_in(record: Record, name: str) -> list[Record]:
    """Return a list of objects; raises InvalidValue for another one."""
    found = list_in(record, name)
    if not all(isinstance(each, dict) for each in found):
        raise InvalidValue(name, "should be a list of objects")
    return cast("list[Record]", found)


def texts_in(record: Record, name: str) -> tuple[str, ...]:
    """Return the texts of a list without those that stand for nothing."""
    items = [{name: item} for item in list_in(record, name)]
    return tuple(text for item in items if (text := text_of(item, name)) is not None)


def attributes_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as addressee keeps them; what stands for nothing is left out.

    A list of several values becomes a list of objects with ``value`` (R46), a list of one its
    value, and what nests deeper its JSON text.

    Raises:
        InvalidValue: a value nests deeper than 100 levels, further than Python could follow it.
    """
    for value in given.values():
        check_depth(value)
    return {
        name: kept
        for name, value in given.items()
        if name.strip() and (kept := attribute_of(value)) is not None
    }


def check_depth(value: object) -> None:
    """Raise InvalidValue for a value that nests too deep; it uses no stack itself."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for each in level for inner in values_in(each)]
        if not level:
            return
    raise InvalidValue("attributes", f"nest deeper than {DEEPEST} levels")


def values_in(value: object) -> Iterable[object]:
    """Return the values of a list or an object, none for another value."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()


def attribute_of(value: object) -> Any:  # noqa: ANN401 # any value that an attribute may have
    """Return the value of an attribute, None for nothing."""
    if isinstance(value, str):
        return None if value.strip().casefold() in NOTHING else value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        found = map(attribute_of, cast("list[object]", value))
        items = [kept for kept in found if kept is not None]
        if len(items) <= 1:
            return items[0] if items else None
        if all(isinstance(item, str | bool | int | float) for item in items):
            return [{"value": item} for item in items]
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def web_push(address: str | None, p256dh: str | None, auth: str | None) -> dict[str, str] | None:
    """Return the device facts of a browser, None where its endpoint or its keys are missing."""
    if address is None or not address.startswith("https://") or p256dh is None or auth is None:
        return None
    return {"push_service": "webpush", "webpush_p256dh": p256dh, "webpush_auth": auth}


def facts_of(**facts: str | None) -> dict[str, str]:
    """Return the device facts that are known."""
    return {name: value for name, value in facts.items() if value is not None}


def digest(*parts: str | None) -> str:
    """Return a short id of parts that together are unique in their source."""
    joined = "\x1f".join(part or "" for part in parts)
    return blake2b(joined.encode(errors="surrogatepass"), digest_size=16).hexdigest()
