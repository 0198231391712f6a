"""A request's body as a JSON object, whatever it says it is."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from addressee.adapters.mobile_sdk import Body, json_object


async def read(request: Request) -> Body:
    """Return the body; an empty one where none was sent. Raises InvalidValue."""
    raw = await request.body()
    return json_object("body", raw) if raw.strip() else {}


JsonBody = Annotated[Body, Depends(read)]
