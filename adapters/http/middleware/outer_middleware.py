"""What every request passes before any route: its method, its size, its measure."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..messages.error_responses import Refused, answer
from .metrics import Metrics

OVERRIDES = frozenset({"PATCH", "PUT", "DELETE"})
DRAINED = 64
"""How many times the limit is read at most, and thrown away."""
FAILED = 500


class Gate:
    """The outermost layer.

    Args:
        app: what is behind it.
        limit: largest body that is read, in bytes.
        metrics: counts requests.
        logger: told of failures, without what the request held.
    """

    def __init__(
        self, app: ASGIApp, *, limit: int, metrics: Metrics, logger: logging.Logger
    ) -> None:
        self._app = app
        self._limit = limit
        self._metrics = metrics
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict[bytes, bytes](scope["headers"])
        override = headers.get(b"x-http-method-override", b"").decode("latin-1").upper()
        if scope["method"] == "POST" and override in OVERRIDES:
            scope["method"] = override
        told = Told(send)
        started = time.perf_counter()
        try:
            await self._through(scope, receive, told)
        finally:
            self._metrics.count(scope, told.status, time.perf_counter() - started)

    async def _through(self, scope: Scope, receive: Receive, told: Told) -> None:
        try:
            await self._app(scope, Metered(receive, self._limit), told)
        except Exception as error:
            # Its message may hold what the request held; where it came from does not.
            places = "".join(traceback.format_tb(error.__traceback__))
            self._logger.error("a request failed: %s at\n%s", type(error).__name__, places)  # noqa: TRY400 # as said
            if told.status:
                raise
            failure = Refused(FAILED, "GENERAL_ERROR", "the server failed; it is logged")
            await answer(scope, failure)(scope, receive, told)


class Told:
    """Passes an answer on and remembers its status; 0 before there is one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


class Metered:
    """Receives a body up to a limit."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0

    async def __call__(self) -> Message:
        """Return the next message; raises HTTPException where the body is too large."""
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            await self._drain(more=message.get("more_body", False))
            # The framework lets this one through; any other it would call a body that is no JSON.
            raise HTTPException(413, f"a body has at most {self._limit} bytes")
        return message

    async def _drain(self, *, more: bool) -> None:
        """Read on until the sender is done, for who still sends hears no answer."""
        while more and self._read < self._limit * DRAINED:
            message = await self._receive()
            self._read += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
