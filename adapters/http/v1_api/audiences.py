"""Audience queries: count, preview, explain and targets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from addressee.application import Explanation, Recipient, Targeting

from ..messages.json_body import Time
from ..messages.openapi_schemas import PROBLEMS
from ..security.authentication import Credential
from ..service_context import ServiceContext
from .as_of_cache import AsOfCache

T = TypeVar("T")

PAGE = 1_000
"""Number of lines in one chunk of a stream."""


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
    as_of: Time | Annotated[int, Field(ge=0)] | None = None


class PreviewQuery(AudienceQuery):
    """An audience and the number of installations to return."""

    n: Annotated[int, Field(ge=0, le=10_000)] = 10


class ExplainQuery(AudienceQuery):
    """An audience and an installation."""

    installation: str


class TargetsQuery(AudienceQuery):
    """An audience and the last installation of an earlier response."""

    after: str | None = None


NDJSON: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One JSON object a line, in registration order.",
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}


class Count(BaseModel):
    """Number of installations that an audience reaches."""

    count: int


class Preview(BaseModel):
    """The first installations that an audience reaches, in registration order."""

    installations: list[str]


def audience_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/audiences", tags=["audiences"], responses=PROBLEMS)
    as_of_cache = AsOfCache(service.store)

    def resolved(authorization: str | None, query: AudienceQuery) -> tuple[str, Targeting]:
        """Return the caller's application and the audiences of the query's moment."""
        code = service.backend(authorization).application.code
        return code, as_of_cache.targeting(query.as_of)

    @routes.post("/count")
    def count(query: AudienceQuery, authorization: Credential = None) -> Count:
        """Return the exact number of installations that an audience reaches."""
        code, reach = resolved(authorization, query)
        disabled = query.include_disabled
        return Count(count=reach.count(code, query.expression, include_disabled=disabled))

    @routes.post("/preview")
    def preview(query: PreviewQuery, authorization: Credential = None) -> Preview:
        """Return the first installations that an audience reaches."""
        code, reach = resolved(authorization, query)
        disabled = query.include_disabled
        found = reach.preview(code, query.expression, query.n, include_disabled=disabled)
        return Preview(installations=found)

    @routes.post("/explain")
    def explain(query: ExplainQuery, authorization: Credential = None) -> Explanation:
        """Explain term by term why an audience reaches an installation or does not."""
        code, reach = resolved(authorization, query)
        return reach.explain(
            code,
            query.expression,
            installation=query.installation,
            include_disabled=query.include_disabled,
        )

    @routes.post(
        "/targets",
        response_class=StreamingResponse,
        responses=NDJSON,
    )
    def targets(query: TargetsQuery, authorization: Credential = None) -> Response:
        """Stream every installation that an audience reaches; can be resumed."""
        code, reach = resolved(authorization, query)
        ids = reach.targets(
            code,
            query.expression,
            include_disabled=query.include_disabled,
            after=query.after,
        )
        # The first page is read before the response starts, so that an error can still be one.
        first = list(islice(ids, PAGE))
        found = lines(first, ids, lambda name: {"installation": name})
        return StreamingResponse(found, media_type="application/x-ndjson")

    @routes.post("/recipients", response_class=StreamingResponse, responses=NDJSON)
    def recipients(query: TargetsQuery, authorization: Credential = None) -> Response:
        """Stream what `targets` does, each with person, push service and address (R38)."""
        code, reach = resolved(authorization, query)
        found = reach.recipients(
            code,
            query.expression,
            include_disabled=query.include_disabled,
            after=query.after,
        )
        first = list(islice(found, PAGE))
        return StreamingResponse(lines(first, found, told), media_type="application/x-ndjson")

    return routes


def told(recipient: Recipient) -> dict[str, object]:
    """Return a recipient as JSON; its ordinal is the store's own."""
    return {
        "installation": recipient.installation,
        "person": recipient.person,
        "service": recipient.service,
        "address": recipient.address,
        "details": recipient.details,
        "since": recipient.since.isoformat(),
    }


def lines(
    first: list[T], found: Iterator[T], content: Callable[[T], Mapping[str, object]]
) -> Iterator[str]:
    """Yield what was found as JSON lines, one page at a time."""
    page = first
    while page:
        yield "".join(json.dumps(content(each)) + "\n" for each in page)
        page = list(islice(found, PAGE))
