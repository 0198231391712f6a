"""The outermost layer: method override, body limit, failures and metrics."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..messages.error_responses import Refused, error_response
from .metrics import Metrics

OVERRIDES = frozenset({"PATCH", "PUT", "DELETE"})
DRAINED = 64
"""A body over the limit is read and dropped up to this multiple of the limit."""
FAILED = 500


class OuterMiddleware:
    """Wraps the application.

    Args:
        app: the application.
        limit: largest request body, in bytes.
        metrics: counts requests.
        logger: receives failures, without the content of the request.
    """

    def __init__(
        self, app: ASGIApp, *, limit: int, metrics: Metrics, logger: logging.Logger
    ) -> None:
        self._app = app
        self._limit = limit
        self._metrics = metrics
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application and measure it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict[bytes, bytes](scope["headers"])
        override = headers.get(b"x-http-method-override", b"").decode("latin-1").upper()
        if scope["method"] == "POST" and override in OVERRIDES:
            scope["method"] = override
        recorder = StatusRecorder(send)
        started = time.perf_counter()
        try:
            await self._through(scope, receive, recorder)
        finally:
            self._metrics.count(scope, recorder.status, time.perf_counter() - started)

    async def _through(self, scope: Scope, receive: Receive, recorder: StatusRecorder) -> None:
        try:
            await self._app(scope, LimitedBody(receive, self._limit), recorder)
        except Exception as error:
            # The message may repeat the request; the places in the code do not.
            places = "".join(traceback.format_tb(error.__traceback__))
            self._logger.error("a request failed: %s at\n%s", type(error).__name__, places)  # noqa: TRY400 # see above
            if recorder.status:
                raise
            failure = Refused(FAILED, "GENERAL_ERROR", "the server failed; the log has the cause")
            await error_response(scope, failure)(scope, receive, recorder)


class StatusRecorder:
    """Sends a response and records its status; 0 before the response starts."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        """Send one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


class LimitedBody:
    """Receives a request body up to a limit."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0

    async def __call__(self) -> Message:
        """Return the next message; raises HTTPException if the body is too large."""
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            await self._drain(more=message.get("more_body", False))
            # The framework passes this type on; any other becomes its error for invalid JSON.
            raise HTTPException(413, f"a body has at most {self._limit} bytes")
        return message

    async def _drain(self, *, more: bool) -> None:
        """Read to the end: a client that still sends does not read the response."""
        while more and self._read < self._limit * DRAINED:
            message = await self._receive()
            self._read += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
