"""What happened, and who it was at any moment, asked by backends."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from addressee.application import Recorded
from addressee.domain import Kind

from ..messages.openapi_schemas import PROBLEMS
from ..security.authentication import Credential
from ..service_context import Service

At = Annotated[datetime | None, Query(description="When; now by default, UTC without a zone.")]


class Happening(BaseModel):
    """One event of the ledger.

    Args:
        position: its place in the ledger.
        event: its type.
        at: when it happened, in UTC.
        actor: who asked.
        correlation_id: what the caller wanted it to be found by.
        data: its other fields.
    """

    position: int
    event: str
    at: datetime
    actor: str
    correlation_id: str | None
    data: dict[str, Any]


class Who(BaseModel):
    """The person who held an installation, if anybody did."""

    person: str | None


class Devices(BaseModel):
    """The installations that a person held, in the order of binding."""

    installations: list[str]


class NamedIdentifier(BaseModel):
    """An identifier; in a body, for addresses of requests end up in logs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Kind
    value: str


def record_routes(service: Service) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["history"], responses=PROBLEMS)
    history = service.history

    def application(authorization: str | None) -> str:
        return service.backend(authorization).application.code

    @routes.get("/installations/{installation:path}/history")
    def installation_history(
        installation: str, authorization: Credential = None
    ) -> list[Happening]:
        """Tell everything that happened to an installation."""
        return told(history.installation(installation, within=application(authorization)))

    @routes.get("/installations/{installation:path}/who")
    def who(installation: str, authorization: Credential = None, at: At = None) -> Who:
        """Tell who held an installation at a moment."""
        code = application(authorization)
        return Who(person=history.who(installation, at and aware(at), within=code))

    @routes.get("/persons/{person:path}/history")
    def person_history(person: str, authorization: Credential = None) -> list[Happening]:
        """Tell everything that happened to a person."""
        return told(history.person(person, within=application(authorization)))

    @routes.get("/persons/{person:path}/devices")
    def devices(person: str, authorization: Credential = None, at: At = None) -> Devices:
        """Tell which installations a person held at a moment."""
        code = application(authorization)
        return Devices(installations=history.devices(person, at and aware(at), within=code))

    @routes.post("/identifiers/history")
    def identifier_history(
        identifier: NamedIdentifier, authorization: Credential = None
    ) -> list[Happening]:
        """Tell who held an identifier and when."""
        code = application(authorization)
        return told(history.identifier(identifier.kind, identifier.value, within=code))

    return routes


def told(recorded: Iterable[Recorded]) -> list[Happening]:
    """Return events as they are answered."""
    common = {"timestamp", "actor", "correlation_id"}
    return [
        Happening(
            position=position,
            event=type(event).__name__,
            at=event.timestamp,
            actor=event.actor,
            correlation_id=event.correlation_id,
            data=event.model_dump(exclude=common),
        )
        for position, event in recorded
    ]


def aware(at: datetime) -> datetime:
    """Return a moment with its zone; UTC where it names none."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
