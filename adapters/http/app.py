"""The ASGI application: served by itself or mounted in a host's."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from addressee.adapters.tokens.claims import LEEWAY
from addressee.application import Applications, Store, Tracing
from addressee.application.default_clock_and_ids import random_id, utc_now
from addressee.application.sending.notifier import PushRates, Transports
from addressee.domain import AddresseeError, InvalidValue
from addressee.domain.errors import first_problem

from .load.bodies import BODY_LIMIT, BODY_SECONDS, Bodies
from .messages.error_responses import SERVER_ERRORS, Refused, error_response
from .metrics.service_metrics import Metrics
from .middleware.cors import MobileCors
from .middleware.failure_log import FailureLog
from .middleware.outer_middleware import REQUEST, OuterMiddleware
from .middleware.trace_middleware import TraceMiddleware
from .mobile_api.installations import installation_routes
from .mobile_api.persons import person_routes
from .people_api.push_messages import push_message_routes
from .people_api.push_registrations import contact_routes
from .security.allowed_origins import checked_origins
from .service_context import Bounds, ServiceContext
from .v1_api.audiences import audience_routes
from .v1_api.commands import command_routes
from .v1_api.health import health_routes
from .v1_api.history import history_routes
from .v1_api.merge_previews import merge_routes
from .v1_api.pushes import push_routes
from .v1_api.rights import rights_routes
from .v1_api.states import state_routes

if TYPE_CHECKING:
    from addressee.adapters.tokens.issuer_keys import IssuerKeys

SESSION_SECONDS = 60.0
ROUTE_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
METHOD_NOT_ALLOWED = 405


def create_app(  # noqa: PLR0913 # configuration comes by constructor, every part with a default
    store: Store,
    applications: Applications,
    *,
    clock: Callable[[], datetime] = utc_now,
    ids: Callable[[], str] = random_id,
    logger: logging.Logger | None = None,
    body_limit: int = BODY_LIMIT,
    body_seconds: float = BODY_SECONDS,
    bounds: Bounds | None = None,
    leeway: float = LEEWAY,
    session_seconds: float | None = SESSION_SECONDS,
    transports: Transports | None = None,
    push_rates: PushRates | None = None,
    tracing: Tracing | None = None,
    issuer_keys: IssuerKeys | None = None,
    cors_origins: Collection[str] = (),
) -> FastAPI:
    """Return the ASGI application for mobile SDKs and backends.

    Args:
        store: holds the ledger and its read models; it stays open when the application ends.
        applications: the applications and API keys that are accepted, with their policies;
            `SqlStore` has them as ``applications``.
        clock: returns the current time, with its time zone.
        ids: returns a new id for an installation or a person.
        logger: receives failures, without the content of requests; its child ``access`` receives a
            line for each request.
        body_limit: largest request body, in bytes.
        body_seconds: longest time to receive a request body, in seconds.
        bounds: bounds on the work of this process.
        leeway: tolerated difference of clocks for the times in tokens, in seconds (R47).
        session_seconds: interval at which expired sessions are ended (R26) and unused
            installations expire (R54), in seconds; None never does either. Nor does a mounted
            application: its host does not run its lifespan.
        transports: what sends pushes, as `Notifier` takes it: running dispatches are sent while the
            application's lifespan runs. None leaves that to others.
        push_rates: of these transports, as `Notifier` takes them; each process has its own.
        tracing: records a span of each request, command and transaction; None records none.
        issuer_keys: finds the keys of the identity providers that applications trust; None makes a
            cache of them.
        cors_origins: origins of the pages that may use the mobile API from a browser, such as
            ``https://shop.example``; ``*`` alone for all, nothing for none.
    """
    origins = checked_origins(cors_origins)
    metrics = Metrics(store)
    service = ServiceContext(
        store,
        applications,
        clock=clock,
        ids=ids,
        logger=logger,
        bounds=bounds,
        leeway=leeway,
        transports=transports,
        push_rates=push_rates,
        tracing=tracing,
        observe=metrics.count_pushes,
        issuer_keys=issuer_keys,
    )
    metrics.watch(service.people)
    if service.issued is not None:
        metrics.watch_issuers(service.issued.keys)
    failures = FailureLog(service.logger)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        ending = asyncio.create_task(end_sessions(service, session_seconds))
        with sending(service) if transports else nullcontext():
            yield
        ending.cancel()
        with suppress(asyncio.CancelledError):
            await ending

    async def on_error(request: Request, error: Exception) -> Response:
        """Return the error of a route or a command; the cause of a server error is logged."""
        if not isinstance(error, Refused | AddresseeError):
            raise error
        response = error_response(request.scope, error)
        if response.status_code >= SERVER_ERRORS:
            failures.report(error.code, str(error), request.scope[REQUEST])
        return response

    app = FastAPI(
        title="addressee",
        version=version("addressee"),
        summary="Know which person a push installation belongs to, and whom a push reaches.",
        openapi_url=None,  # it would be serialized for each request, in the event loop
        docs_url=None,  # its page loads scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # it would redirect to the host and scheme of the request's headers
        lifespan=lifespan,
        exception_handlers={
            AddresseeError: on_error,
            Refused: on_error,
            RequestValidationError: on_bad_parameter,
            HTTPException: on_no_route,
        },
    )
    app.state.service = service
    for routes in (
        installation_routes,
        person_routes,
        contact_routes,
        push_message_routes,
        command_routes,
        audience_routes,
        history_routes,
        rights_routes,
        merge_routes,
        state_routes,
        push_routes,
    ):
        app.include_router(routes(service))
    app.include_router(health_routes(service, metrics))
    app.add_route("/openapi.json", openapi_route(app), include_in_schema=False)
    if tracing is not None:
        app.add_middleware(TraceMiddleware, tracing=tracing)
    app.add_middleware(
        OuterMiddleware,
        bodies=Bodies(body_limit, body_seconds),
        metrics=metrics,
        failures=failures,
        access=service.logger.getChild("access"),
    )
    if origins:  # outermost: a browser may read errors of the layers below, too
        app.add_middleware(MobileCors, origins=origins)
    return app


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document without the framework's own error, which no route returns."""
    document = app.openapi()
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def openapi_route(app: FastAPI) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of the OpenAPI document, which names where the application is mounted."""

    @lru_cache(maxsize=1)
    def document(root: str) -> bytes:
        servers = {"servers": [{"url": root}]} if root else {}
        return json.dumps({**openapi_document(app), **servers}).encode()

    async def read_openapi(request: Request) -> Response:
        root = request.scope.get("root_path", "").rstrip("/")
        return Response(document(root), media_type="application/json")

    return read_openapi


async def on_bad_parameter(request: Request, error: Exception) -> Response:
    """Return the error of a parameter that can't be read; its value is not repeated."""
    if not isinstance(error, RequestValidationError):
        raise error
    field, problem = first_problem(error.errors())
    # The first part says where it stands: body, query or path.
    return error_response(request.scope, InvalidValue(field.partition(".")[2] or "body", problem))


async def on_no_route(request: Request, error: Exception) -> Response:
    """Return the error of a path or method without a route."""
    if not isinstance(error, HTTPException):
        raise error
    code = ROUTE_CODES.get(error.status_code, "BAD_REQUEST")
    refused = Refused(error.status_code, code, str(error.detail))
    response = error_response(request.scope, refused)
    if error.status_code == METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(allowed(request))
    return response


def allowed(request: Request) -> list[str]:
    """Return the methods that a request's path has."""
    found = [
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        for route in request.app.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    ]
    return [*found, "HEAD"] if "GET" in found else found


async def end_sessions(service: ServiceContext, seconds: float | None) -> None:
    """End expired sessions at an interval; safe in several processes at once."""
    while seconds is not None:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(service.people.expire_sessions)
        except AddresseeError as error:
            service.logger.warning("expired sessions were not ended: %s", error.code)


@contextmanager
def sending(service: ServiceContext) -> Generator[None]:
    """Send running dispatches in a thread until the block ends; the last batch is recorded then."""
    stop = Event()
    thread = Thread(target=service.notifier.serve, args=(stop,), name="addressee-dispatcher")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
