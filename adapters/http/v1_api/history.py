"""History queries: events, and bindings at any moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from addressee.application import Recorded
from addressee.domain import Kind

from ..messages.json_body import Time
from ..messages.openapi_schemas import PROBLEMS
from ..security.authentication import Credential
from ..service_context import ServiceContext

At = Annotated[Time | None, Query(description="The moment; now by default, UTC without a zone.")]


class HistoryEvent(BaseModel):
    """One event of the ledger.

    Args:
        position: its position in the ledger.
        event: its type.
        at: its time, in UTC.
        actor: the author of the command.
        correlation_id: the correlation id of the command.
        data: its other fields.
    """

    position: int
    event: str
    at: datetime
    actor: str
    correlation_id: str | None
    data: dict[str, Any]


class Who(BaseModel):
    """The person of an installation, null if it was anonymous."""

    person: str | None


class Devices(BaseModel):
    """The installations of a person, in the order of binding."""

    installations: list[str]


class NamedIdentifier(BaseModel):
    """An identifier; in the body, because logs contain URLs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Kind
    value: str


def history_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["history"], responses=PROBLEMS)
    history = service.history

    def application(authorization: str | None) -> str:
        return service.backend(authorization).application.code

    @routes.get("/installations/{installation:path}/history")
    def installation_history(
        installation: str, authorization: Credential = None
    ) -> list[HistoryEvent]:
        """Return the events of an installation, oldest first."""
        return as_events(history.installation(installation, within=application(authorization)))

    @routes.get("/installations/{installation:path}/who")
    def who(installation: str, authorization: Credential = None, at: At = None) -> Who:
        """Return the person of an installation at a moment."""
        code = application(authorization)
        return Who(person=history.who(installation, at, within=code))

    @routes.get("/persons/{person:path}/history")
    def person_history(person: str, authorization: Credential = None) -> list[HistoryEvent]:
        """Return the events of a person, oldest first."""
        return as_events(history.person(person, within=application(authorization)))

    @routes.get("/persons/{person:path}/devices")
    def devices(person: str, authorization: Credential = None, at: At = None) -> Devices:
        """Return the installations of a person at a moment."""
        code = application(authorization)
        return Devices(installations=history.devices(person, at, within=code))

    @routes.post("/identifiers/history")
    def identifier_history(
        identifier: NamedIdentifier, authorization: Credential = None
    ) -> list[HistoryEvent]:
        """Return the holders of an identifier and when they held it."""
        code = application(authorization)
        return as_events(history.identifier(identifier.kind, identifier.value, within=code))

    return routes


def as_events(recorded: Iterable[Recorded]) -> list[HistoryEvent]:
    """Return events in the format of the response."""
    common = {"timestamp", "actor", "correlation_id"}
    return [
        HistoryEvent(
            position=position,
            event=type(event).__name__,
            at=event.timestamp,
            actor=event.actor,
            correlation_id=event.correlation_id,
            data=event.model_dump(exclude=common),
        )
        for position, event in recorded
    ]
