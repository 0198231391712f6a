"""Every command of the library as a POST, with the names and arguments of Python."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from hashlib import sha256
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse, Response
from pydantic import ConfigDict, create_model

from addressee.adapters.mobile_sdk import Body
from addressee.adapters.serialization.json_commands import NAMES, WITH_FACTS, call_of
from addressee.application import Personalization
from addressee.application.commands import Reported
from addressee.domain import Forbidden, InvalidValue, limits, values

from ..messages.error_responses import Refused
from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PROBLEMS, Schema, model_body
from ..security.authentication import Backend
from ..service_context import BackendCaller, Endpoint, ServiceContext

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A repeated request with the same key records nothing (R31).",
    ),
]
OURS = frozenset({"actor", "at", "within", "idempotency_key"})
"""Arguments that the service sets and no caller may."""
NAMES_APPLICATION = frozenset({"register", "define_segment", "remove_segment"})
"""Commands with an application: always the one of the API key."""


def command_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/commands", tags=["commands"], responses=PROBLEMS)
    for name in NAMES:
        method = getattr(Personalization, name)
        routes.add_api_route(
            f"/{name}",
            endpoint(service, name),
            methods=["POST"],
            name=name,
            description=str(inspect.getdoc(method)).partition("\n")[0],
            response_model=get_type_hints(method, include_extras=True)["return"],
            openapi_extra=body_of(name),
        )
    return routes


def endpoint(service: ServiceContext, name: str) -> Endpoint:
    """Return the endpoint of one command."""

    @service.writes
    def command(
        caller: BackendCaller, body: JsonBody, idempotency_key: IdempotencyKey = None
    ) -> Response:
        content = body.json()
        arguments = arguments_of(name, content, caller, idempotency_key)
        _, call = call_of({**arguments, "command": name})
        if "person" in content:
            # A key reaches the persons that its application has met (decision 008).
            service.history.person(content["person"], within=caller.application.code)
        return JSONResponse(asdict(call(service.people)))

    return command


def arguments_of(
    name: str, body: Body, caller: Backend, idempotency_key: str | None
) -> dict[str, Any]:
    """Return a command's arguments, limited to the key's application; raises InvalidValue."""
    if odd := sorted(OURS & body.keys()):
        raise InvalidValue(odd[0], f"is no argument of {name}")
    code = caller.application.code
    arguments = {**body, "within": code, "actor": caller.actor}
    if name in NAMES_APPLICATION:
        if body.get("application", code) != code:
            raise Refused(403, Forbidden.code, "the API key is another application's")
        arguments["application"] = code
    if idempotency_key is not None:
        given = values.text("Idempotency-Key", idempotency_key, limits.NAME, least=1)
        # Distinct for each application: none gets the result of another.
        arguments["idempotency_key"] = sha256(f"{code}\0{given}".encode()).hexdigest()
    return arguments


def body_of(name: str) -> Schema:
    """Return the OpenAPI description of a command's arguments, derived from the signature."""
    method = getattr(Personalization, name)
    hints = {**get_type_hints(Reported), **get_type_hints(method)}
    _, *parameters = inspect.signature(method).parameters.values()
    fields: dict[str, Any] = {
        each.name: (hints[each.name], ... if each.default is each.empty else each.default)
        for each in parameters
        if each.kind is not each.VAR_KEYWORD
    }
    if name in WITH_FACTS:
        fields |= {fact: (hints[fact], None) for fact in Reported.__annotations__}
    if name in NAMES_APPLICATION:
        fields["application"] = (str | None, None)
    fields["correlation_id"] = (str | None, None)
    title = name.title().replace("_", "")
    return model_body(create_model(title, __config__=ConfigDict(extra="forbid"), **fields))
