"""Read a request body as a JSON object, whatever its content type."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from addressee.adapters.mobile_sdk import Body, json_object
from addressee.domain import InvalidValue
from addressee.domain.errors import first_problem

M = TypeVar("M", bound=BaseModel)


class RequestBody:
    """A request body, received and not yet parsed: the event loop does not parse.

    Args:
        raw: its bytes.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def json(self) -> Body:
        """Return the JSON object, {} if the body is empty; raises InvalidValue."""
        return json_object("body", self._raw) if self._raw.strip() else {}

    def model(self, model: type[M]) -> M:
        """Return the JSON object as a model; raises InvalidValue."""
        try:
            return model.model_validate(self.json())
        except ValidationError as error:
            raise InvalidValue(*first_problem(error.errors(include_input=False))) from None


async def receive(request: Request) -> RequestBody:
    """Return the body of a request."""
    return RequestBody(await request.body())


JsonBody = Annotated[RequestBody, Depends(receive)]
