"""Read a request body as a JSON object, whatever its content type."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from addressee.adapters.mobile_sdk import Body, json_object


async def read(request: Request) -> Body:
    """Return the body, {} if there is none; raises InvalidValue."""
    raw = await request.body()
    return json_object("body", raw) if raw.strip() else {}


JsonBody = Annotated[Body, Depends(read)]
