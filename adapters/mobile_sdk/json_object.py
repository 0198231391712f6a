"""Reads JSON objects from untrusted input."""

from __future__ import annotations

import json
from typing import Any, cast

from addressee.domain import InvalidValue


def json_object(field: str, raw: bytes | str) -> dict[str, Any]:
    """Return the JSON object in a text.

    Args:
        field: the text's name in an error.
        raw: the text; bytes are UTF-8.

    Raises:
        InvalidValue: it is not a JSON object, or can't be parsed.
    """
    try:
        content: object = json.loads(raw)
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
