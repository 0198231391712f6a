"""Browsers that may use the mobile API from pages of other origins (Fetch standard, CORS)."""

from __future__ import annotations

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..messages.error_responses import path_of

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
