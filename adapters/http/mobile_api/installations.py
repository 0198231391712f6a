"""Register, read, change, remove and depersonalize installations."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from addressee.adapters.mobile_sdk import facts_of, instance_of, update_of
from addressee.domain import InvalidValue

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import (
    EMPTY,
    INSTANCE,
    INSTANCE_RESPONSE,
    REPORT,
    VENDOR,
    request_body,
    response_body,
)
from ..security.authentication import Caller, Credential
from ..service_context import ServiceContext

HOME = "/mobile/1/appinstance"


def installation_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=HOME, tags=["mobile"], responses=VENDOR)
    people, profiles = service.people, service.profiles

    @routes.post(
        "", openapi_extra=request_body(INSTANCE), responses=response_body(INSTANCE_RESPONSE)
    )
    def create_instance(body: JsonBody, authorization: Credential = None) -> Response:
        """Register an installation; the response has its id as pushRegId."""
        code = service.device(authorization).application.code
        made = people.register(code, installation=service.ids(), within=code, **facts_of(body))
        # As the command left it: another registration may have taken the token meanwhile.
        state = profiles.installation(made.installation, at=made.position)
        return JSONResponse(instance_of(state, secret=True))

    @routes.get("/{installation}", responses=response_body(INSTANCE_RESPONSE))
    def get_instance(installation: str, authorization: Credential = None) -> Response:
        """Return an installation."""
        code = service.device(authorization).application.code
        profile = profiles.of(installation, within=code)
        return JSONResponse(instance_of(profile.installation, secret=True))

    @routes.patch("/{installation}", openapi_extra=request_body(INSTANCE), responses=EMPTY)
    def patch_instance(
        installation: str,
        body: JsonBody,
        authorization: Credential = None,
        caller: Caller = None,
    ) -> Response:
        """Change fields of an installation; null removes. isPrimary may be another one's."""
        code = service.device(authorization).application.code
        if "isPrimary" in body and body["isPrimary"] is None:
            raise InvalidValue("isPrimary", "should be true or false")
        update_of(installation, caller or None, body, within=code)(people)
        return Response()

    @routes.delete("/{installation}", responses=EMPTY)
    def delete_instance(installation: str, authorization: Credential = None) -> Response:
        """Expire an installation, such as the previous one of a device."""
        code = service.device(authorization).application.code
        people.expire(installation, "unregistered", within=code, actor="device")
        return Response()

    @routes.post("/{installation}/depersonalize", responses=EMPTY)
    def depersonalize(
        installation: str, authorization: Credential = None, caller: Caller = None
    ) -> Response:
        """Unbind an installation; also another one of the caller's person."""
        code = service.device(authorization).application.code
        people.depersonalize(installation, by=caller or None, within=code)
        return Response()

    @routes.post(
        "/{installation}/user/events/session",
        openapi_extra=request_body(REPORT, required=False),
        responses=EMPTY,
    )
    def session(installation: str, authorization: Credential = None) -> Response:
        """Keep a session alive (R26)."""
        people.touch(installation, within=service.device(authorization).application.code)
        return Response()

    @routes.post(
        "/{installation}/user/events/custom",
        openapi_extra=request_body(REPORT, required=False),
        responses=EMPTY,
    )
    def custom_events(installation: str, authorization: Credential = None) -> Response:
        """Keep a session alive; the events are accepted and not stored."""
        people.touch(installation, within=service.device(authorization).application.code)
        return Response()

    return routes
