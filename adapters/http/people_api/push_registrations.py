"""The vendor's backend API for push registrations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse, Response

from addressee.adapters.mobile_sdk import (
    Body,
    attributes_of,
    instance_of,
    object_of,
    sign_in_of,
    update_of,
)
from addressee.application import Context, InstallationState, PersonState

from ..messages.error_responses import Refused
from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import (
    CONTACT_RESPONSE,
    CONTACT_SIGN_IN,
    CONTACT_UPDATE,
    EMPTY,
    REGISTRATION_RESPONSE,
    VENDOR,
    request_body,
    response_body,
)
from ..security.authentication import Backend
from ..service_context import BackendCaller, ServiceContext

HOME = "/people/2/contactInformation/push"
AppCode = Annotated[str | None, Header(alias="AppCode")]
SYSTEM_WORDS = {
    "cloudType": "pushServiceType",
    "registrationEnabled": "regEnabled",
    "osLanguage": "language",
}
"""Names in ``systemData`` that differ from the mobile API."""
SAME = (
    "notificationsEnabled",
    "sdkVersion",
    "appVersion",
    "os",
    "osVersion",
    "deviceManufacturer",
    "deviceModel",
    "deviceSecure",
    "deviceTimezoneOffset",
    "deviceName",
)


def contact_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=HOME, tags=["contact information"], responses=VENDOR)
    people, profiles = service.people, service.profiles

    def context(caller: Backend, app_code: str | None) -> Context:
        """Return application and actor of the backend's commands; raises Refused."""
        check_application(service, caller, app_code)
        return Context(within=caller.application.code, actor=caller.actor)

    @routes.get("/{registration}", responses=response_body(REGISTRATION_RESPONSE))
    @service.reads
    def get_registration(
        caller: BackendCaller, registration: str, app_code: AppCode = None
    ) -> Response:
        """Return an installation."""
        within = context(caller, app_code).get("within")
        return JSONResponse(registration_of(profiles.of(registration, within=within).installation))

    @routes.patch(
        "/{registration}",
        openapi_extra=request_body(CONTACT_UPDATE),
        responses=response_body(REGISTRATION_RESPONSE),
    )
    @service.writes
    def patch_registration(
        caller: BackendCaller, registration: str, body: JsonBody, app_code: AppCode = None
    ) -> Response:
        """Enable or disable an installation, set its primary flag, or change its attributes."""
        acting = context(caller, app_code)
        done = update_of(registration, None, mobile_update(body.json()), **acting)(people)
        installation = profiles.installation(registration, at=done.position)
        return JSONResponse(registration_of(installation))

    @routes.post(
        "/{registration}/personalize",
        openapi_extra=request_body(CONTACT_SIGN_IN),
        responses=response_body(CONTACT_RESPONSE),
    )
    @service.writes
    def personalize_registration(  # noqa: PLR0913 # the wire's arguments
        caller: BackendCaller,
        registration: str,
        body: JsonBody,
        *,
        app_code: AppCode = None,
        force: Annotated[bool, Query(alias="forceDepersonalize")] = False,
        lead: Annotated[bool, Query(alias="keepAsLead")] = False,
        primary: Annotated[bool, Query(alias="setDeviceAsPrimary")] = False,
        push: Annotated[bool, Query(alias="returnPush")] = False,
    ) -> Response:
        """Bind an installation to the person of an identity."""
        acting = context(caller, app_code)
        flags = {
            "forceDepersonalize": force,
            "keepAsLead": lead,
            "setDeviceAsPrimary": primary,
        }
        done = sign_in_of(registration, flags, mobile_sign_in(body.json()), **acting)(people)
        person = profiles.person(done.person, since=done.position)
        installation = profiles.installation(registration, at=done.position) if push else None
        return JSONResponse(contact_of(person, installation))

    @routes.post("/{registration}/depersonalize", responses=EMPTY)
    @service.writes
    def depersonalize_registration(
        caller: BackendCaller, registration: str, app_code: AppCode = None
    ) -> Response:
        """Unbind an installation."""
        people.depersonalize(registration, **context(caller, app_code))
        return Response()

    return routes


def check_application(service: ServiceContext, caller: Backend, app_code: str | None) -> None:
    """Raise Refused unless the header AppCode names the backend's own application."""
    if not app_code:
        raise Refused(400, "BAD_REQUEST", "Application code missing", 48001)
    if service.configured.application(app_code) is None:
        raise Refused(400, "BAD_REQUEST", "Push application not found", 48012)
    if app_code != caller.application.code:
        raise Refused(403, "FORBIDDEN", "the API key is another application's")


def mobile_update(body: Body) -> Body:
    """Return an update with the field names of the mobile API."""
    update: dict[str, Any] = {}
    system = object_of("systemData", body.get("systemData") or {})
    if "registrationEnabled" in system:
        update["regEnabled"] = system["registrationEnabled"]
    if "additionalData" in body:
        update["customAttributes"] = body["additionalData"]
    if "isPrimary" in body:
        update["isPrimary"] = body["isPrimary"]
    return update


def mobile_sign_in(body: Body) -> Body:
    """Return a sign-in as the mobile API has it, with lists of identifiers."""
    given = object_of("identity", body.get("identity") or {})
    attributes = {**object_of("attributes", body.get("attributes") or {})}
    if "birthDate" in attributes:
        attributes["birthday"] = attributes.pop("birthDate")
    phone, email = given.get("phoneNumber"), given.get("email")
    identity = {
        "externalUserId": given.get("externalId"),
        "phones": [] if phone is None else [{"number": phone}],
        "emails": [] if email is None else [{"address": email}],
    }
    # This API has identifiers in the identity only.
    for word in identity:
        attributes.pop(word, None)
    return {"userIdentity": identity, "userAttributes": attributes}


def registration_of(installation: InstallationState) -> dict[str, Any]:
    """Return an installation in this API's format."""
    fields = instance_of(installation)
    words = {**SYSTEM_WORDS, **dict.fromkeys(SAME)}
    system = {
        word: fields[ours or word] for word, ours in words.items() if (ours or word) in fields
    }
    return {
        "registrationId": installation.name,
        "applicationId": installation.application,
        "isPrimary": installation.primary,
        "systemData": system,
        "additionalData": fields["customAttributes"],
    }


def contact_of(person: PersonState, installation: InstallationState | None) -> dict[str, Any]:
    """Return a person in this API's format, with the installation if given."""
    contacts: dict[str, Any] = {
        "phones": [{"number": number} for number in person.values("msisdn")],
        "emails": [{"address": address} for address in person.values("email")],
    }
    if installation is not None:
        contacts["push"] = [registration_of(installation)]
    fields = {
        "type": person.type,
        **attributes_of(person),
        "tags": sorted(person.tags),
        "contactInformation": contacts,
    }
    for external_id in person.values("external_id"):
        fields["externalId"] = external_id
    return fields
