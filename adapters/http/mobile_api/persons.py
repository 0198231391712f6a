"""Sign in, read and change persons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from addressee.adapters.mobile_sdk import (
    Body,
    identity_of,
    object_of,
    person_update_of,
    sign_in_of,
    user_of,
)

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import (
    EMPTY,
    SIGN_IN,
    USER,
    USER_RESPONSE,
    VENDOR,
    request_body,
    response_body,
)
from ..security.authentication import Credential
from ..service_context import ServiceContext
from .installations import HOME


def person_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=HOME, tags=["mobile"], responses=VENDOR)
    people, profiles = service.people, service.profiles

    def sign_in(
        installation: str, body: Body, authorization: str | None, flags: dict[str, bool]
    ) -> Response:
        caller = service.device(authorization)
        identity = identity_of(object_of("userIdentity", body.get("userIdentity") or {}))
        caller.may_sign_in(identity.external_id)
        call = sign_in_of(installation, flags, body, within=caller.application.code)
        done = call(people)
        return JSONResponse(user_of(profiles.person(done.person, since=done.position), None))

    @routes.post(
        "/{installation}/personalize",
        openapi_extra=request_body(SIGN_IN),
        responses=response_body(USER_RESPONSE),
    )
    def personalize(  # noqa: PLR0913 # the wire's arguments
        installation: str,
        body: JsonBody,
        *,
        authorization: Credential = None,
        force: Annotated[bool, Query(alias="forceDepersonalize")] = False,
        lead: Annotated[bool, Query(alias="keepAsLead")] = False,
        primary: Annotated[bool, Query(alias="setDeviceAsPrimary")] = False,
    ) -> Response:
        """Bind an installation to the person of an identity."""
        flags = {
            "forceDepersonalize": force,
            "keepAsLead": lead,
            "setDeviceAsPrimary": primary,
        }
        return sign_in(installation, body, authorization, flags)

    @routes.post(
        "/{installation}/repersonalize",
        openapi_extra=request_body(SIGN_IN),
        responses=response_body(USER_RESPONSE),
    )
    def repersonalize(
        installation: str, body: JsonBody, authorization: Credential = None
    ) -> Response:
        """Bind an installation again after a lost registration."""
        return sign_in(installation, body, authorization, {})

    @routes.get("/{installation}/user", responses=response_body(USER_RESPONSE))
    def get_user(
        installation: str,
        *,
        authorization: Credential = None,
        instances: Annotated[bool, Query(alias="ri")] = False,
    ) -> Response:
        """Return the person of an installation."""
        caller = service.device(authorization)
        caller.may_use_person()
        profile = profiles.of(installation, within=caller.application.code)
        person = profile.person
        caller.must_be(next(iter(person.values("external_id")), None) if person else None)
        return JSONResponse(user_of(person, profile.devices if instances else None))

    @routes.patch("/{installation}/user", openapi_extra=request_body(USER), responses=EMPTY)
    def patch_user(installation: str, body: JsonBody, authorization: Credential = None) -> Response:
        """Change fields of the person of an installation; null removes."""
        caller = service.device(authorization)
        caller.may_use_person()
        if caller.subject is not None and "externalUserId" in body:
            # With a token only personalize sets it: else a token could give its person away.
            caller.must_be(identity_of(body).external_id)
        code = caller.application.code
        person_update_of(installation, body, caller.subject, within=code)(people)
        return Response()

    return routes
