"""What those who run the server ask of it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from ..messages.openapi_schemas import PROBLEM, PROBLEMS, refusals
from ..middleware.metrics import Metrics
from ..security.authentication import Credential
from ..service_context import Service


class Status(BaseModel):
    """How the server is."""

    status: str


def operation_routes(service: Service, metrics: Metrics) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["operations"])

    @routes.get("/health")
    def health() -> Status:
        """Say that the process works; asks no store."""
        return Status(status="ok")

    @routes.get("/ready", responses=refusals(PROBLEM, "application/problem+json", 503))
    def ready() -> Status:
        """Say whether the store answers."""
        with service.store.reading() as reader:
            reader.bound("", {"claim:none"})
        return Status(status="ready")

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={
            **PROBLEMS,
            200: {
                "description": "Figures of this process.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
        },
    )
    def figures(authorization: Credential = None) -> Response:
        """Tell figures in Prometheus' text form; needs the scope admin."""
        service.backend(authorization, "admin")
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return routes
