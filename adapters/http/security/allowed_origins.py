"""Origins of web pages (RFC 6454), as browsers write them."""

from __future__ import annotations

import re
from collections.abc import Collection

from addressee.domain import InvalidValue, values

ANY = "*"
MOST_ORIGINS = 100
ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9]\d{0,4}))?",
    re.ASCII,
)
USUAL_PORTS = {"http": "80", "https": "443"}


def checked_origins(given: Collection[str]) -> tuple[str, ...]:
    """Return origins as browsers write them: scheme, host, and port unless it is the usual one.

    Raises:
        InvalidValue: one is no origin, or ``*`` is not alone.
        LimitExceeded: there are more than 100.
    """
    listed = values.items("cors_origins", given, MOST_ORIGINS, "origins")
    origins = tuple(values.identifier(f"cors_origins[{n}]", each) for n, each in enumerate(listed))
    if ANY in origins and len(origins) > 1:
        raise InvalidValue("cors_origins", "should be * alone, or without it")
    for n, origin in enumerate(origins):
        if origin != ANY and not is_origin(origin):
            problem = "should be an origin as browsers write it, such as https://shop.example"
            raise InvalidValue(f"cors_origins[{n}]", problem)
    return origins


def is_origin(text: str) -> bool:
    """Whether a text is an origin that some browser sends; it would match none otherwise."""
    found = ORIGIN.fullmatch(text)
    return found is not None and found["port"] != USUAL_PORTS[found["scheme"]]
