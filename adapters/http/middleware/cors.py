"""Browsers that may use the mobile API from pages of other origins (Fetch standard, CORS)."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from addressee.domain import InvalidValue, values

from ..messages.error_responses import path_of

ANY = "*"
MOST_ORIGINS = 100
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HEADERS = (
    "Authorization",
    "Content-Type",
    "X-HTTP-Method-Override",
    "X-Request-ID",
    "applicationcode",
    "foreground",
    "installationid",
    "pushregistrationid",
    "sessionId",
)
"""What SDKs send, and request ids."""
EXPOSED = ("Retry-After", "X-Request-ID")
REMEMBERED = 600
"""How long a browser remembers an answer, in seconds."""
ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9]\d{0,4}))?",
    re.ASCII,
)
USUAL_PORTS = {"http": "80", "https": "443"}


class MobileCors:
    """Answers browsers for the mobile API alone.

    Keys of backends and sessions of operators have no place in a page of another origin, so that
    all other paths stay closed. Cookies are never asked for: what a page may do depends on the
    code or token that it sends.

    Args:
        app: the application.
        origins: those of the pages, or ``*`` alone for all.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._mobile = CORSMiddleware(
            app,
            allow_origins=[*origins],
            allow_methods=METHODS,
            allow_headers=HEADERS,
            allow_credentials=False,
            expose_headers=EXPOSED,
            max_age=REMEMBERED,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application, with its answer's headers for browsers."""
        mobile = scope["type"] == "http" and path_of(scope).startswith("/mobile/")
        await (self._mobile if mobile else self._app)(scope, receive, send)


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
