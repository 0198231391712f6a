"""Whom a push reaches, asked by backends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from addressee.application import Explanation, Targeting

from ..messages.openapi_schemas import PROBLEMS
from ..security.authentication import Credential
from ..service_context import Service
from .as_of_cache import Pasts

PAGE = 1_000
"""How many lines are sent at once."""


def text(value: object) -> object:
    """Return a text as it is; raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("should be a time as text, or a position")  # noqa: TRY004 # pydantic's way
    return value


Time = Annotated[datetime, Field(strict=False), BeforeValidator(text)]
"""A time as JSON has it; a bare number is a position and not seconds since 1970."""


class Question(BaseModel):
    """An audience.

    Args:
        expression: in the audience language, such as ``tag:vip and primary``.
        include_disabled: also installations with a push flag off.
        as_of: ask how it was: a time, UTC without a zone, or a position in the ledger.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: str
    include_disabled: bool = False
    as_of: Time | Annotated[int, Field(ge=0)] | None = None


class PreviewQuestion(Question):
    """An audience of which the first ``n`` are to be named."""

    n: Annotated[int, Field(ge=0, le=10_000)] = 10


class ExplainQuestion(Question):
    """An audience and an installation that it reaches, or does not."""

    installation: str


class TargetsQuestion(Question):
    """An audience that is to be named in full, behind an installation named before."""

    after: str | None = None


class Count(BaseModel):
    """How many installations an audience reaches."""

    count: int


class Preview(BaseModel):
    """The first installations that an audience reaches, in registration order."""

    installations: list[str]


def audience_routes(service: Service) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/audiences", tags=["audiences"], responses=PROBLEMS)
    pasts = Pasts(service.store)

    def asked(authorization: str | None, question: Question) -> tuple[str, Targeting]:
        """Return the caller's application, and what answers for the moment that is asked about."""
        code = service.backend(authorization).application.code
        return code, pasts.reach(question.as_of)

    @routes.post("/count")
    def count(question: Question, authorization: Credential = None) -> Count:
        """Say how many installations an audience reaches, exactly."""
        code, reach = asked(authorization, question)
        disabled = question.include_disabled
        return Count(count=reach.count(code, question.expression, include_disabled=disabled))

    @routes.post("/preview")
    def preview(question: PreviewQuestion, authorization: Credential = None) -> Preview:
        """Name the first installations that an audience reaches."""
        code, reach = asked(authorization, question)
        disabled = question.include_disabled
        found = reach.preview(code, question.expression, question.n, include_disabled=disabled)
        return Preview(installations=found)

    @routes.post("/explain")
    def explain(question: ExplainQuestion, authorization: Credential = None) -> Explanation:
        """Say why an audience reaches an installation or does not, term by term."""
        code, reach = asked(authorization, question)
        return reach.explain(
            code,
            question.expression,
            installation=question.installation,
            include_disabled=question.include_disabled,
        )

    @routes.post(
        "/targets",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "One JSON object a line, in registration order.",
                "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
            }
        },
    )
    def targets(question: TargetsQuestion, authorization: Credential = None) -> Response:
        """Name every installation that an audience reaches, as a stream that can be resumed."""
        code, reach = asked(authorization, question)
        ids = reach.targets(
            code,
            question.expression,
            include_disabled=question.include_disabled,
            after=question.after,
        )
        # The first are found before the answer begins, so that a refusal can still be one.
        first = list(islice(ids, PAGE))
        return StreamingResponse(lines(first, ids), media_type="application/x-ndjson")

    return routes


def lines(first: list[str], ids: Iterator[str]) -> Iterator[str]:
    """Yield ids as JSON lines, a page at a time."""
    page = first
    while page:
        yield "".join(json.dumps({"installation": name}) + "\n" for name in page)
        page = list(islice(ids, PAGE))
