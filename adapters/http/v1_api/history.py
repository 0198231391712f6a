"""History queries: events, and bindings at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from addressee.application import Recorded
from addressee.application.ports.records import LARGEST_POSITION
from addressee.domain import InvalidValue, Kind, values

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PROBLEMS, model_body
from ..service_context import BackendCaller, OperatorCaller, ServiceContext

At = Annotated[
    str | None,
    Query(
        description="The moment in ISO 8601, with + as %2B; now by default, UTC without a zone.",
        json_schema_extra={"format": "date-time"},
    ),
]


After = Annotated[
    int, Query(ge=0, description="Only events after this position, such as a page's last one.")
]
PAGE = 1_000
Limit = Annotated[
    int,
    Query(
        ge=1, le=PAGE, description="Most events of the page; the history ends with an empty page."
    ),
]
Before = Annotated[
    int, Query(ge=1, description="Only events before this position, such as a page's last one.")
]
Newest = Annotated[int, Query(ge=1, le=PAGE, description="Most events, newest first.")]
BYTES = 1 << 22
"""A page ends with the event that makes it larger, in bytes."""
COMMON = {"timestamp", "actor", "correlation_id"}


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

    @routes.get("/installations/{installation:path}/history", response_model=list[HistoryEvent])
    @service.reads
    def installation_history(
        caller: BackendCaller, installation: str, after: After = 0, limit: Limit = PAGE
    ) -> Response:
        """Return the events of an installation, oldest first."""
        code = caller.application.code
        recorded = history.installation(installation, after=after, limit=limit, within=code)
        return page_of(recorded)

    @routes.get("/installations/{installation:path}/who")
    @service.reads
    def who(caller: BackendCaller, installation: str, at: At = None) -> Who:
        """Return the person of an installation at a moment."""
        code = caller.application.code
        return Who(person=history.who(installation, time_of(at), within=code))

    @routes.get("/persons/{person:path}/history", response_model=list[HistoryEvent])
    @service.reads
    def person_history(
        caller: BackendCaller, person: str, after: After = 0, limit: Limit = PAGE
    ) -> Response:
        """Return the events of a person, oldest first."""
        code = caller.application.code
        recorded = history.person(person, after=after, limit=limit, within=code)
        return page_of(recorded)

    @routes.get("/persons/{person:path}/devices")
    @service.reads
    def devices(caller: BackendCaller, person: str, at: At = None) -> Devices:
        """Return the installations of a person at a moment."""
        code = caller.application.code
        return Devices(installations=history.devices(person, time_of(at), within=code))

    @routes.post(
        "/identifiers/history",
        openapi_extra=model_body(NamedIdentifier),
        response_model=list[HistoryEvent],
    )
    @service.reads
    def identifier_history(
        caller: BackendCaller, body: JsonBody, after: After = 0, limit: Limit = PAGE
    ) -> Response:
        """Return the holders of an identifier and when they held it."""
        identifier = body.model(NamedIdentifier)
        code = caller.application.code
        kind, value = identifier.kind, identifier.value
        recorded = history.identifier(kind, value, after=after, limit=limit, within=code)
        return page_of(recorded)

    @routes.get("/actions", response_model=list[HistoryEvent])
    @service.reads
    def actions(
        caller: OperatorCaller, before: Before = LARGEST_POSITION, limit: Newest = 100
    ) -> Response:
        """Return what was done to the application and its keys and pushes, newest first.

        Needs the scope admin.
        """
        return page_of(history.actions(caller.application.code, before=before, limit=limit))

    return routes


def page_of(recorded: Sequence[Recorded]) -> Response:
    """Return a page of events as JSON.

    It ends early rather than to be larger than 4 MiB, but has one event at least if there is one.
    """
    events = list[bytes]()
    size = 0
    for each in recorded:
        events.append(event_of(each).model_dump_json().encode())
        size += len(events[-1])
        if size > BYTES:
            break
    return Response(b"[" + b",".join(events) + b"]", media_type="application/json")


def event_of(recorded: Recorded) -> HistoryEvent:
    """Return an event in the format of the response."""
    position, event = recorded
    return HistoryEvent(
        position=position,
        event=type(event).__name__,
        at=event.timestamp,
        actor=event.actor,
        correlation_id=event.correlation_id,
        data=event.model_dump(exclude=COMMON),
    )


def time_of(at: str | None) -> datetime | None:
    """Return the moment of a query parameter; raises InvalidValue."""
    if at is None:
        return None
    try:
        return values.moment("at", at)
    except InvalidValue as error:
        # A zone such as +02:00 arrives as a space where its + is not escaped.
        hint = "; in a query string + is written as %2B" if " " in at else ""
        raise InvalidValue("at", error.problem + hint) from None
