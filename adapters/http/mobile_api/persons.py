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

from ..messages.json_body import JsonBody, RequestBody
from ..messages.openapi_schemas import (
    EMPTY,
    SIGN_IN,
    USER,
    USER_RESPONSE,
    VENDOR,
    request_body,
    response_body,
)
from ..security.authentication import Device
from ..service_context import DeviceCaller, ServiceContext
from .installations import HOME


def person_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=HOME, tags=["mobile"], responses=VENDOR)
    people, profiles = service.people, service.profiles

    def sign_in(
        caller: Device, installation: str, body: RequestBody, flags: dict[str, bool]
    ) -> Response:
        # Before the body is parsed: the application code is public.
        caller.may_sign_in()
        content = body.json()
        given = object_of("userIdentity", content.get("userIdentity") or {})
        caller.must_name(named(given))
        subject, admit = caller.subject, caller.admitted
        call = sign_in_of(installation, flags, content, subject, admit=admit, **caller.context)
        done = call(people)
        return JSONResponse(user_of(profiles.person(done.person, since=done.position), None))

    @routes.post(
        "/{installation}/personalize",
        openapi_extra=request_body(SIGN_IN),
        responses=response_body(USER_RESPONSE),
    )
    @service.writes
    def personalize(  # noqa: PLR0913 # the wire's arguments
        caller: DeviceCaller,
        installation: str,
        body: JsonBody,
        *,
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
        return sign_in(caller, installation, body, flags)

    @routes.post(
        "/{installation}/repersonalize",
        openapi_extra=request_body(SIGN_IN),
        responses=response_body(USER_RESPONSE),
    )
    @service.writes
    def repersonalize(caller: DeviceCaller, installation: str, body: JsonBody) -> Response:
        """Bind an installation again after a lost registration."""
        return sign_in(caller, installation, body, {})

    @routes.get("/{installation}/user", responses=response_body(USER_RESPONSE))
    @service.reads
    def get_user(
        caller: DeviceCaller,
        installation: str,
        *,
        instances: Annotated[bool, Query(alias="ri")] = False,
    ) -> Response:
        """Return the person of an installation."""
        caller.may_use_person()
        app = caller.application
        profile = profiles.of(installation, within=app.code, user_data=app.user_data)
        person = profile.person
        caller.must_be(next(iter(person.values("external_id")), None) if person else None)
        return JSONResponse(user_of(person, profile.devices if instances else None))

    @routes.patch("/{installation}/user", openapi_extra=request_body(USER), responses=EMPTY)
    @service.writes
    def patch_user(caller: DeviceCaller, installation: str, body: JsonBody) -> Response:
        """Change fields of the person of an installation; null removes."""
        caller.may_use_person()
        content = body.json()
        if caller.subject is not None and "externalUserId" in content:
            # With a token only personalize sets it: else a token could give its person away.
            caller.must_be(named(content))
        subject, admit = caller.subject, caller.admitted
        person_update_of(installation, content, subject, admit=admit, **caller.context)(people)
        return Response()

    return routes


def named(body: Body) -> str | None:
    """Return the external id of an identity or person; its contacts are not read yet."""
    return identity_of({"externalUserId": body.get("externalUserId")}).external_id
