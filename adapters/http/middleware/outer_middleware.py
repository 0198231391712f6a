"""The outermost layer: method override, body bounds, request ids, logs and metrics."""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from ..load.bodies import Bodies, BoundedBody
from ..messages.error_responses import Refused, error_response
from ..metrics.service_metrics import ROOT, Metrics, route_of
from .failure_log import FailureLog

OVERRIDES = frozenset({"PATCH", "PUT", "DELETE"})
REQUEST = "addressee.request"
"""Key of the request's id in the ASGI scope."""
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
CONNECTION_CLOSED = 499
"""Status in logs and metrics of a request whose client has gone; nginx has introduced it."""


class OuterMiddleware:
    """Wraps the application.

    A POST may name another method in ``X-HTTP-Method-Override``, and HEAD is served as GET. The
    request's id is that of its header ``X-Request-ID``, or a new one; the response has it too.

    Args:
        app: the application.
        bodies: the bounds on request bodies.
        metrics: counts requests.
        failures: receives failures, without the content of the request.
        access: receives a line for each request: method, route, status, duration and request id.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bodies: Bodies,
        metrics: Metrics,
        failures: FailureLog,
        access: logging.Logger,
    ) -> None:
        self._app = app
        self._bodies = bodies
        self._metrics = metrics
        self._failures = failures
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application and measure it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict[bytes, bytes](scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request = given.decode() if REQUEST_ID.fullmatch(given) else uuid4().hex
        # A copy: the server itself still needs to know that HEAD has no body.
        method, root = method_of(scope["method"], headers), scope.get("root_path", "")
        scope = {**scope, "method": method, ROOT: root, REQUEST: request}
        response = SentResponse(send, request)
        body = BoundedBody(receive, self._bodies)
        started = time.perf_counter()
        try:
            await self._serve(scope, body, response, request)
        finally:
            body.release()
            seconds = time.perf_counter() - started
            self._metrics.count(scope, response.status, seconds)
            self._access.info(
                "%s %s %d %.1f ms %s",
                *(scope["method"], route_of(scope), response.status, seconds * 1000, request),
            )

    async def _serve(
        self, scope: Scope, body: BoundedBody, response: SentResponse, request: str
    ) -> None:
        try:
            refused = unsupported_encoding(dict[bytes, bytes](scope["headers"]))
            app = self._app if refused is None else error_response(scope, refused)
            await app(scope, body, response)
        except ClientDisconnect:
            response.status = response.status or CONNECTION_CLOSED
        except Exception as error:
            # The message may repeat the request; the places in the code do not.
            places = "".join(traceback.format_tb(error.__traceback__))
            self._failures.crash(type(error).__name__, places, request)
            if response.status:
                raise
            failure = Refused(500, "GENERAL_ERROR", "the server failed; the log has the cause")
            await error_response(scope, failure)(scope, body, response)


class SentResponse:
    """Sends a response with the request's id and records its status; 0 before it starts."""

    def __init__(self, send: Send, request: str) -> None:
        self._send = send
        self._request = request.encode()
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        """Send one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self._request)]
        await self._send(message)


def method_of(method: str, headers: dict[bytes, bytes]) -> str:
    """Return the method that a request means."""
    if method == "POST":
        override = headers.get(b"x-http-method-override", b"").decode("latin-1").upper()
        return override if override in OVERRIDES else method
    return "GET" if method == "HEAD" else method


def unsupported_encoding(headers: dict[bytes, bytes]) -> Refused | None:
    """Return the error of a body with a content encoding; None for one without."""
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding in {b"identity", b""}:
        return None
    name = encoding.decode("ascii", "replace")[:40]
    text = f"the body has the encoding {name}; only identity is supported"
    return Refused(415, "ENCODING_UNSUPPORTED", text)
