"""Health, readiness and metrics for operators."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from ..messages.openapi_schemas import PROBLEM, PROBLEMS, error_responses
from ..middleware.metrics import Metrics
from ..security.authentication import Credential
from ..service_context import ServiceContext


class Status(BaseModel):
    """State of the server."""

    status: str


def health_routes(service: ServiceContext, metrics: Metrics) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["operations"])

    @routes.get("/health")
    def health() -> Status:
        """Report that the process runs; does not read the store."""
        return Status(status="ok")

    @routes.get("/ready", responses=error_responses(PROBLEM, "application/problem+json", 503))
    def ready() -> Status:
        """Report whether the store answers."""
        with service.store.reading() as reader:
            reader.bound("", {"claim:none"})
        return Status(status="ready")

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={
            **PROBLEMS,
            200: {
                "description": "Metrics of this process.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
        },
    )
    def read_metrics(authorization: Credential = None) -> Response:
        """Return metrics in the Prometheus text format; needs the scope admin."""
        service.backend(authorization, "admin")
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return routes
