"""Audience queries: count, preview, explain and targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from addressee.application import Explanation, Moment, Recipient, Targeting
from addressee.domain import InvalidValue, values

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PROBLEMS, model_body
from ..security.authentication import Backend
from ..service_context import BackendCaller, ServiceContext
from .as_of_cache import AsOfCache
from .json_lines_stream import LINES, Accept, streamed


def moment_of(value: object) -> Moment | None:
    """Return a time given as text, a position given as a number, or None; raises InvalidValue."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        return values.moment("as_of", value)
    raise InvalidValue("as_of", "should be a time as text, or a position as a number")


AsOf = Annotated[
    Moment | None,
    PlainValidator(moment_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "minimum": 0},
                {"type": "null"},
            ]
        }
    ),
]


class AudienceQuery(BaseModel):
    """An audience.

    Args:
        expression: in the audience language, such as ``tag:vip and primary``.
        include_disabled: include installations with a push flag off.
        as_of: the past moment: a time, UTC without a zone, or a position in the ledger.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: str
    include_disabled: bool = False
    as_of: AsOf = None


class PreviewQuery(AudienceQuery):
    """An audience and the number of installations to return."""

    n: Annotated[int, Field(ge=0, le=10_000)] = 10


class ExplainQuery(AudienceQuery):
    """An audience and an installation."""

    installation: str


class TargetsQuery(AudienceQuery):
    """An audience and the last installation of an earlier response."""

    after: str | None = None


class Count(BaseModel):
    """Number of installations that an audience reaches."""

    count: int


class Preview(BaseModel):
    """The first installations that an audience reaches, in registration order."""

    installations: list[str]


def audience_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/audiences", tags=["audiences"], responses=PROBLEMS)
    as_of_cache = AsOfCache(
        service.store, service.bounds.past_bytes, service.configured.applications
    )

    def resolved(caller: Backend, query: AudienceQuery) -> tuple[str, Targeting]:
        """Return the caller's application and the audiences of the query's moment."""
        code = caller.application.code
        return code, as_of_cache.targeting(query.as_of, code)

    @routes.post("/count", openapi_extra=model_body(AudienceQuery))
    @service.reads
    def count(caller: BackendCaller, body: JsonBody) -> Count:
        """Return the exact number of installations that an audience reaches."""
        query = body.model(AudienceQuery)
        code, reach = resolved(caller, query)
        disabled = query.include_disabled
        return Count(count=reach.count(code, query.expression, include_disabled=disabled))

    @routes.post("/preview", openapi_extra=model_body(PreviewQuery))
    @service.reads
    def preview(caller: BackendCaller, body: JsonBody) -> Preview:
        """Return the first installations that an audience reaches."""
        query = body.model(PreviewQuery)
        code, reach = resolved(caller, query)
        disabled = query.include_disabled
        found = reach.preview(code, query.expression, query.n, include_disabled=disabled)
        return Preview(installations=found)

    @routes.post("/explain", openapi_extra=model_body(ExplainQuery))
    @service.reads
    def explain(caller: BackendCaller, body: JsonBody) -> Explanation:
        """Explain term by term why an audience reaches an installation or does not."""
        query = body.model(ExplainQuery)
        code, reach = resolved(caller, query)
        return reach.explain(
            code,
            query.expression,
            installation=query.installation,
            include_disabled=query.include_disabled,
        )

    @routes.post(
        "/targets",
        response_class=StreamingResponse,
        openapi_extra=model_body(TargetsQuery),
        responses=LINES,
    )
    async def targets(caller: BackendCaller, body: JsonBody, accept: Accept = "*/*") -> Response:
        """Stream every installation that an audience reaches; can be resumed."""

        def find() -> Iterator[str]:
            query = body.model(TargetsQuery)
            code, reach = resolved(caller, query)
            return reach.targets(
                code, query.expression, include_disabled=query.include_disabled, after=query.after
            )

        places = service.places_for(service.readers, body)
        return await streamed(find, target_line, places, caller.share, accept)

    @routes.post(
        "/recipients",
        response_class=StreamingResponse,
        openapi_extra=model_body(TargetsQuery),
        responses=LINES,
    )
    async def recipients(caller: BackendCaller, body: JsonBody, accept: Accept = "*/*") -> Response:
        """Stream what `targets` does, each with person, push service and address (R38)."""

        def find() -> Iterator[Recipient]:
            query = body.model(TargetsQuery)
            code, reach = resolved(caller, query)
            return reach.recipients(
                code, query.expression, include_disabled=query.include_disabled, after=query.after
            )

        places = service.places_for(service.readers, body)
        return await streamed(find, recipient_line, places, caller.share, accept)

    return routes


def target_line(installation: str) -> dict[str, object]:
    """Return an installation as JSON."""
    return {"installation": installation}


def recipient_line(recipient: Recipient) -> dict[str, object]:
    """Return a recipient as JSON; its ordinal is the store's own."""
    return {
        "installation": recipient.installation,
        "person": recipient.person,
        "service": recipient.service,
        "address": recipient.address,
        "details": recipient.details,
        "since": recipient.since.isoformat(),
    }
