"""State queries: installations, persons and the application of the caller's key."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from addressee.application import Identity, InstallationState, PersonState
from addressee.domain import Kind, MobileApp

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PROBLEMS, model_body
from ..service_context import BackendCaller, ServiceContext
from .history import At, time_of


class InstallationInfo(BaseModel):
    """An installation as it is now; its push token is not shown.

    Args:
        installation: its id.
        person: the id of its person; null if it is anonymous.
        primary: whether it is its person's primary one in the application (R23).
        facts: device facts, by their names in Python.
        attributes: name → value.
        tags: of the installation itself.
    """

    installation: str
    person: str | None
    primary: bool
    push_enabled: bool
    notifications_enabled: bool
    facts: dict[str, Any]
    attributes: dict[str, Any]
    tags: list[str]

    @classmethod
    def of(cls, state: InstallationState) -> InstallationInfo:
        """Return what is shown of an installation."""
        return cls(
            installation=state.name,
            person=state.person,
            primary=state.primary,
            push_enabled=state.push_enabled,
            notifications_enabled=state.notifications_enabled,
            facts={name: value for name, value in state.facts.items() if name != "push_token"},
            attributes=dict(state.attributes),
            tags=sorted(state.tags),
        )


class HeldIdentifier(BaseModel):
    """An identifier of a person."""

    kind: Kind
    value: str


class PersonInfo(BaseModel):
    """A person as it is now.

    Args:
        person: its id.
        type: ``LEAD`` or ``CUSTOMER``.
        identifiers: in the order in which they were added.
        attributes: name → value.
        tags: of the person, not of installations.
        installations: those of the caller's application, in the order of binding.
        primary: the primary one of them, if any (R23).
        merged: ids of persons that are merged into this one, whose data it shows too (R52).
    """

    person: str
    type: str
    identifiers: list[HeldIdentifier]
    attributes: dict[str, Any]
    tags: list[str]
    installations: list[str]
    primary: str | None
    merged: list[str]

    @classmethod
    def of(cls, state: PersonState, application: str) -> PersonInfo:
        """Return what is shown of a person to an application."""
        return cls(
            person=state.name,
            type=state.type,
            identifiers=[HeldIdentifier(kind=kind, value=held) for kind, held in state.identifiers],
            attributes=dict(state.attributes),
            tags=sorted(state.tags),
            installations=[name for name, code in state.devices.items() if code == application],
            primary=state.primaries.get(application),
            merged=list(state.merged),
        )


class Found(BaseModel):
    """A person; null if there is none, or none whom the application has met."""

    person: PersonInfo | None


def state_routes(service: ServiceContext) -> APIRouter:
    """Return the routes; they come after those with a longer path."""
    routes = APIRouter(prefix="/v1", tags=["states"], responses=PROBLEMS)
    profiles = service.profiles

    @routes.get("/installations/{installation:path}/holder")
    @service.reads
    def get_holder(caller: BackendCaller, installation: str, at: At = None) -> Found:
        """Return the person of an installation at a moment, with the data of that moment."""
        code = caller.application.code
        found = service.history.holder(installation, time_of(at), within=code)
        return Found(person=None if found is None else PersonInfo.of(found, code))

    @routes.get("/installations/{installation:path}")
    @service.reads
    def get_installation(caller: BackendCaller, installation: str) -> InstallationInfo:
        """Return an installation."""
        profile = profiles.of(installation, within=caller.application.code)
        return InstallationInfo.of(profile.installation)

    @routes.get("/persons/{person:path}")
    @service.reads
    def get_person(caller: BackendCaller, person: str) -> PersonInfo:
        """Return a person."""
        code = caller.application.code
        return PersonInfo.of(profiles.person(person, within=code), code)

    @routes.post("/persons/find", openapi_extra=model_body(Identity))
    @service.reads
    def find_person(caller: BackendCaller, body: JsonBody) -> Found:
        """Return the person who holds any of the given identifiers."""
        code = caller.application.code
        found = profiles.find(body.model(Identity), within=code)
        return Found(person=None if found is None else PersonInfo.of(found, code))

    @routes.get("/applications")
    @service.reads
    def get_applications(caller: BackendCaller) -> list[dict[str, Any]]:
        """Return the applications of the key, which is one, with their policies and no secrets."""
        return [shown(caller.application)]

    return routes


def shown(application: MobileApp) -> dict[str, Any]:
    """Return the settings of an application, with the ids of its token keys alone."""
    settings = application.model_dump(exclude={"jwt_keys"})
    return {**settings, "jwt_keys": sorted(application.jwt_keys)}
