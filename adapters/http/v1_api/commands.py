"""Every command of the library as a POST, by the names that it has in Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter, Header
from fastapi.responses import JSONResponse, Response
from pydantic import ConfigDict, create_model

from addressee.adapters.mobile_sdk import Body
from addressee.adapters.serialization.commands_by_name import NAMES, WITH_FACTS, call_of
from addressee.application import Personalization
from addressee.application.commands import Reported
from addressee.domain import Forbidden, InvalidValue, values

from ..messages.error_responses import Refused
from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PROBLEMS, Schema, takes
from ..security.authentication import Backend, Credential
from ..service_context import Service

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="The same again records nothing (R31)."),
]
OURS = frozenset({"actor", "at", "within", "idempotency_key"})
"""What the transport says of a command, and no caller."""
NAMES_APPLICATION = frozenset({"register", "define_segment", "remove_segment"})
"""Commands that name an application: the one that the API key is of, and no other."""


def command_routes(service: Service) -> APIRouter:
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
            openapi_extra=takes(schema_of(name)),
        )
    return routes


def endpoint(service: Service, name: str) -> Callable[..., Response]:
    """Return what answers requests for one command."""

    def command(
        body: JsonBody, authorization: Credential = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        caller = service.backend(authorization)
        _, call = call_of({**arguments_of(name, body, caller, idempotency_key), "command": name})
        if "person" in body:
            # Persons are the account's; a key reaches those whom its application has met.
            service.history.person(body["person"], within=caller.application.code)
        return JSONResponse(asdict(call(service.people)))

    return command


def arguments_of(
    name: str, body: Body, caller: Backend, idempotency_key: str | None
) -> dict[str, Any]:
    """Return a command's arguments, confined to what a key may reach; raises InvalidValue."""
    if odd := sorted(OURS & body.keys()):
        raise InvalidValue(odd[0], f"is no argument of {name}")
    code = caller.application.code
    arguments = {**body, "within": code, "actor": caller.actor}
    if name in NAMES_APPLICATION:
        if body.get("application", code) != code:
            raise Refused(403, Forbidden.code, "the API key is another application's")
        arguments["application"] = code
    if idempotency_key is not None:
        given = values.text("Idempotency-Key", idempotency_key, values.NAME_LIMIT, least=1)
        # A key of its own for each application, so that none meets another's answers.
        arguments["idempotency_key"] = sha256(f"{code}\0{given}".encode()).hexdigest()
    return arguments


def schema_of(name: str) -> Schema:
    """Return the JSON schema of a command's arguments, from the method's signature."""
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
    model = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    whole = model.model_json_schema()
    schema: Schema = inlined(whole, whole.pop("$defs", {}))
    return schema


def inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 # JSON of any kind
    """Return a schema with what it refers to in its place, for OpenAPI keeps such things apart."""
    if isinstance(schema, list):
        return [inlined(each, definitions) for each in schema]  # pyright: ignore[reportUnknownVariableType] # JSON of any kind
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return inlined(definitions[str(schema["$ref"]).rpartition("/")[2]], definitions)  # pyright: ignore[reportUnknownArgumentType] # likewise
    return {key: inlined(value, definitions) for key, value in schema.items()}  # pyright: ignore[reportUnknownVariableType] # likewise
