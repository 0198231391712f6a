"""Read a request body as a JSON object, whatever its content type."""

from __future__ import annotations

from threading import Lock
from time import perf_counter, sleep
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from addressee.adapters.mobile_sdk import Body, json_object
from addressee.domain import InvalidValue
from addressee.domain.errors import first_problem

M = TypeVar("M", bound=BaseModel)


USUAL = 1 << 11
"""Largest usual body, in bytes."""
SLOW = 1 << 16
"""Bodies above so many bytes are parsed one at a time."""
PAUSE = 3
"""Length of the pause after that, as a multiple of the time that it took."""
PARSING = Lock()
"""Held by the thread that parses such a body: the parser lets no other thread run, and the event
loop has the pauses for itself."""


class RequestBody:
    """A request body, received and not yet parsed: the event loop does not parse.

    Args:
        raw: its bytes.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    @property
    def large(self) -> bool:
        """Whether it is larger than what apps usually send."""
        return len(self._raw) > USUAL

    def json(self) -> Body:
        """Return the JSON object, {} if the body is empty; raises InvalidValue."""
        if not self._raw.strip():
            return {}
        if len(self._raw) <= SLOW:
            return json_object("body", self._raw)
        with PARSING:
            started = perf_counter()
            try:
                return json_object("body", self._raw)
            finally:
                sleep(PAUSE * (perf_counter() - started))

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
