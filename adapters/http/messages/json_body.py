"""Read a request body as a JSON object, whatever its content type."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from pydantic import BeforeValidator, Field, ValidationInfo

from addressee.adapters.mobile_sdk import Body, json_object
from addressee.domain import values


async def read(request: Request) -> Body:
    """Return the body, {} if there is none; raises InvalidValue."""
    raw = await request.body()
    return json_object("body", raw) if raw.strip() else {}


JsonBody = Annotated[Body, Depends(read)]


def time_of(value: object, info: ValidationInfo) -> datetime:
    """Return the time that a text means, in UTC; raises ValueError for anything but text."""
    if not isinstance(value, str):
        raise ValueError("should be a time as text")  # noqa: TRY004 # pydantic's way
    return values.moment(info.field_name or "at", value)


Time = Annotated[datetime, Field(strict=False), BeforeValidator(time_of)]
"""A time as text; a bare number is not seconds since 1970."""
