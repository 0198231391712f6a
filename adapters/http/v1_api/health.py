"""Health, readiness and metrics for operators."""

from __future__ import annotations

from anyio import CapacityLimiter, fail_after, to_thread
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from addressee.domain import StoreUnavailable

from ..messages.openapi_schemas import PROBLEM, PROBLEMS, error_responses
from ..metrics.service_metrics import Metrics
from ..service_context import OperatorCaller, ServiceContext

READY_SECONDS = 5.0


class Status(BaseModel):
    """State of the server."""

    status: str


def health_routes(service: ServiceContext, metrics: Metrics) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["operations"])
    # Threads of its own: readiness does not wait for requests.
    probes = CapacityLimiter(2)

    @routes.get("/health")
    async def health() -> Status:
        """Report that the process runs; does not read the store."""
        return Status(status="ok")

    @routes.get("/ready", responses=error_responses(PROBLEM, "application/problem+json", 503))
    async def ready() -> Status:
        """Report whether the store answers within five seconds."""
        try:
            with fail_after(READY_SECONDS):
                await to_thread.run_sync(service.store.ping, limiter=probes, abandon_on_cancel=True)
        except TimeoutError:
            raise StoreUnavailable(f"no answer within {READY_SECONDS:g} seconds") from None
        return Status(status="ready")

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={
            **PROBLEMS,
            200: {
                "description": "Metrics of this process, and of the sinks of the store.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
        },
    )
    async def read_metrics(caller: OperatorCaller) -> Response:  # noqa: ARG001 # it needs the scope
        """Return metrics in the Prometheus text format; needs the scope admin."""
        content = await to_thread.run_sync(metrics.text, limiter=probes)
        return Response(content, media_type="text/plain; version=0.0.4")

    return routes
