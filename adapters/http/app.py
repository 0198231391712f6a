"""The ASGI app: to be served by itself, or mounted in a host's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from addressee.application import Applications, Store
from addressee.application.defaults import random_id, utc_now
from addressee.domain import AddresseeError, InvalidValue

from .messages.error_responses import Refused, answer
from .middleware.metrics import Metrics
from .middleware.outer_middleware import Gate
from .mobile_api.installations import instance_routes
from .mobile_api.persons import user_routes
from .people_api.contacts import contact_routes
from .service_context import Service
from .v1_api.audiences import audience_routes
from .v1_api.commands import command_routes
from .v1_api.health import operation_routes
from .v1_api.history import record_routes

BODY_LIMIT = 1 << 20
SESSION_SECONDS = 60.0
ROUTE_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "REQUEST_TOO_LARGE"}


def create_app(  # noqa: PLR0913 # configuration comes by constructor, every part with a default
    store: Store,
    applications: Applications,
    *,
    clock: Callable[[], datetime] = utc_now,
    ids: Callable[[], str] = random_id,
    logger: logging.Logger | None = None,
    body_limit: int = BODY_LIMIT,
    session_seconds: float | None = SESSION_SECONDS,
) -> FastAPI:
    """Return an ASGI app that mobile SDKs and backends can talk to.

    Args:
        store: where ledger and read models are; it stays open when the app ends.
        applications: who may speak, and by which policies; `SqlStore` has them as
            ``applications``.
        clock: gives the time, aware of its zone.
        ids: makes the ids of installations and persons.
        logger: told of failures, without what requests held.
        body_limit: largest body that is read, in bytes.
        session_seconds: how often expired sessions are ended (R26); None never does, and neither
            does an app that is mounted, whose lifespan its host does not run.
    """
    service = Service(store, applications, clock=clock, ids=ids, logger=logger)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        ending = asyncio.create_task(end_sessions(service, session_seconds))
        yield
        ending.cancel()
        with suppress(asyncio.CancelledError):
            await ending

    app = FastAPI(
        title="addressee",
        version=version("addressee"),
        summary="Know which person a push installation belongs to, and whom a push reaches.",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        exception_handlers={
            AddresseeError: refuse,
            Refused: refuse,
            RequestValidationError: refuse_parameters,
            HTTPException: refuse_route,
        },
    )
    for routes in (
        instance_routes,
        user_routes,
        contact_routes,
        command_routes,
        audience_routes,
        record_routes,
    ):
        app.include_router(routes(service))
    app.include_router(operation_routes(service, metrics))
    forget_defaults(app)
    app.add_middleware(Gate, limit=body_limit, metrics=metrics, logger=service.logger)
    return app


def forget_defaults(app: FastAPI) -> None:
    """Take the framework's own refusal out of OpenAPI: none of our routes answers with it."""
    document = app.openapi()
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


async def refuse(request: Request, error: Exception) -> Response:
    """Answer what a route or a command refused."""
    if not isinstance(error, Refused | AddresseeError):
        raise error
    return answer(request.scope, error)


async def refuse_parameters(request: Request, error: Exception) -> Response:
    """Answer a parameter that can't be read; its value is not repeated."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return answer(request.scope, InvalidValue(field, first["msg"]))


async def refuse_route(request: Request, error: Exception) -> Response:
    """Answer what is no route."""
    if not isinstance(error, HTTPException):
        raise error
    code = ROUTE_CODES.get(error.status_code, "BAD_REQUEST")
    response = answer(request.scope, Refused(error.status_code, code, str(error.detail)))
    response.headers.update(error.headers or {})
    return response


async def end_sessions(service: Service, seconds: float | None) -> None:
    """End expired sessions again and again; safe beside other processes that do so."""
    while seconds is not None:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(service.people.expire_sessions)
        except AddresseeError as error:
            service.logger.warning("expired sessions were not ended: %s", error.code)
