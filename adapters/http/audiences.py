"""Whom a push reaches, asked by backends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from addressee.application import Explanation

from .callers import Credential
from .documents import PROBLEMS
from .service import Service

PAGE = 1_000
"""How many lines are sent at once."""


class Question(BaseModel):
    """An audience.

    Args:
        expression: in the audience language, such as ``tag:vip and primary``.
        include_disabled: also installations with a push flag off.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: str
    include_disabled: bool = False


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
    reach = service.reach

    def application(authorization: str | None) -> str:
        return service.backend(authorization).application.code

    @routes.post("/count")
    def count(question: Question, authorization: Credential = None) -> Count:
        """Say how many installations an audience reaches, exactly."""
        code, disabled = application(authorization), question.include_disabled
        return Count(count=reach.count(code, question.expression, include_disabled=disabled))

    @routes.post("/preview")
    def preview(question: PreviewQuestion, authorization: Credential = None) -> Preview:
        """Name the first installations that an audience reaches."""
        code, disabled = application(authorization), question.include_disabled
        found = reach.preview(code, question.expression, question.n, include_disabled=disabled)
        return Preview(installations=found)

    @routes.post("/explain")
    def explain(question: ExplainQuestion, authorization: Credential = None) -> Explanation:
        """Say why an audience reaches an installation or does not, term by term."""
        return reach.explain(
            application(authorization),
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
        ids = reach.targets(
            application(authorization),
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
