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
from ..security.authentication import CallingInstallation
from ..service_context import DeviceCaller, ServiceContext

HOME = "/mobile/1/appinstance"


def installation_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=HOME, tags=["mobile"], responses=VENDOR)
    people, profiles = service.people, service.profiles

    @routes.post(
        "", openapi_extra=request_body(INSTANCE), responses=response_body(INSTANCE_RESPONSE)
    )
    @service.writes
    def create_instance(caller: DeviceCaller, body: JsonBody) -> Response:
        """Register an installation; the response has its id as pushRegId."""
        code = caller.application.code
        facts = facts_of(body.json())
        made = people.register(code, installation=service.ids(), **caller.context, **facts)
        # As the command left it: another one may have taken its push token since.
        installation = profiles.installation(made.installation, at=made.position)
        return JSONResponse(instance_of(installation, secret=True))

    @routes.get("/{installation}", responses=response_body(INSTANCE_RESPONSE))
    @service.reads
    def get_instance(caller: DeviceCaller, installation: str) -> Response:
        """Return an installation."""
        profile = profiles.of(installation, within=caller.application.code)
        return JSONResponse(instance_of(profile.installation, secret=True))

    @routes.patch("/{installation}", openapi_extra=request_body(INSTANCE), responses=EMPTY)
    @service.writes
    def patch_instance(
        caller: DeviceCaller, installation: str, body: JsonBody, by: CallingInstallation = None
    ) -> Response:
        """Change fields of an installation; null removes. isPrimary may be another one's."""
        changes = body.json()
        if "isPrimary" in changes and changes["isPrimary"] is None:
            raise InvalidValue("isPrimary", "should be true or false")
        update_of(installation, by or None, changes, **caller.context)(people)
        return Response()

    @routes.delete("/{installation}", responses=EMPTY)
    @service.writes
    def delete_instance(caller: DeviceCaller, installation: str) -> Response:
        """Expire an installation, such as the previous one of a device."""
        people.expire(installation, "unregistered", **caller.context)
        return Response()

    @routes.post("/{installation}/depersonalize", responses=EMPTY)
    @service.writes
    def depersonalize(
        caller: DeviceCaller, installation: str, by: CallingInstallation = None
    ) -> Response:
        """Unbind an installation; also another one of the caller's person.

        With a token, only its person: a late logout does not log out the next one (R43).
        """
        people.depersonalize(installation, by=by or None, of=caller.subject, **caller.context)
        return Response()

    @routes.post(
        "/{installation}/user/events/session",
        openapi_extra=request_body(REPORT, required=False),
        responses=EMPTY,
    )
    @service.writes
    def session(caller: DeviceCaller, installation: str) -> Response:
        """Keep a session alive (R26)."""
        people.touch(installation, **caller.context)
        return Response()

    @routes.post(
        "/{installation}/user/events/custom",
        openapi_extra=request_body(REPORT, required=False),
        responses=EMPTY,
    )
    @service.writes
    def custom_events(caller: DeviceCaller, installation: str) -> Response:
        """Keep a session alive; the events are accepted and not stored."""
        people.touch(installation, **caller.context)
        return Response()

    return routes
