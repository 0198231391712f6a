"""Reads JSON objects from untrusted input."""

from __future__ import annotations

import json
from typing import Any, cast

from addressee.domain import InvalidValue, LimitExceeded, limits


def json_object(field: str, raw: bytes | str) -> dict[str, Any]:
    """Return the JSON object in a text.

    Args:
        field: the text's name in an error.
        raw: the text; bytes are UTF-8.

    Raises:
        InvalidValue: it is not a JSON object, or can't be parsed.
        LimitExceeded: it has more than 30,000 values.
    """
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
        check_size(field, text)
        content: object = json.loads(text)
    except UnicodeDecodeError:
        raise InvalidValue(field, "is no UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise InvalidValue(field, f"is no JSON: {error.msg} at column {error.colno}") from None
    except ValueError:
        # Python bounds the digits, since conversion takes quadratic time.
        raise InvalidValue(field, "has a number of too many digits") from None
    except RecursionError:
        raise InvalidValue(field, "nests too deep") from None
    if not isinstance(content, dict):
        raise InvalidValue(field, "should be a JSON object")
    return cast("dict[str, Any]", content)


def check_size(field: str, text: str) -> None:
    """Raise LimitExceeded for a text with too many values, which takes the parser long (R57).

    Commas separate values; those within strings are counted only where there are many.
    """
    count = text.count(",") + 1
    if count > limits.JSON_VALUES:
        plain = text.replace("\\\\", "").replace('\\"', "")
        count = sum(part.count(",") for part in plain.split('"')[::2]) + 1
    if count > limits.JSON_VALUES:
        raise LimitExceeded(field, limits.JSON_VALUES, count, "values")
