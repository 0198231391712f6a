"""A span of each request, part of the one that its caller names."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from addressee.application import Tracing
from addressee.application.execution.tracing import traced

from .outer_middleware import REQUEST


class TraceMiddleware:
    """Wraps the application; the access log has the route under the span's request id.

    Args:
        app: the application.
        tracing: records the spans.
    """

    def __init__(self, app: ASGIApp, *, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application within a span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parent = dict[bytes, bytes](scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        attributes = {
            "http.request.method": str(scope["method"]),
            "addressee.request_id": str(scope[REQUEST]),
        }
        name = f"HTTP {scope['method']}"
        with self._tracing.span(name, attributes, parent=traced(parent)):
            await self._app(scope, receive, send)
