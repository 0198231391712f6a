"""The rights of persons: all that is held about one, as a ZIP, and erasure, of a device too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

from addressee.application import Erasure, InstallationErasure

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PROBLEMS, model_body
from ..service_context import BackendCaller, OperatorCaller, ServiceContext

ZIP = "application/zip"
ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A ZIP; the manifest in it has the SHA-256 of each file.",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
    }
}
HEADERS = {
    "Content-Disposition": 'attachment; filename="person.zip"',
    "Cache-Control": "no-store",
}


class ExportOrder(BaseModel):
    """What an export of a person's data shows.

    Args:
        addresses: push tokens and the like; masked by default.
        processing: what the operator says of purposes, recipients and storage.
        correlation_id: to find the record of the export by.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    addresses: bool = False
    processing: dict[str, Any] | None = None
    correlation_id: str | None = None


class ErasureOrder(BaseModel):
    """How a person or an installation is erased.

    Args:
        dry_run: change nothing, and return what would be erased.
        correlation_id: to find the record of the erasure by.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    dry_run: bool = False
    correlation_id: str | None = None


def rights_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1", tags=["rights"], responses=PROBLEMS)

    @routes.post(
        "/persons/{person:path}/export",
        response_class=StreamingResponse,
        openapi_extra=model_body(ExportOrder),
        responses=ARCHIVE,
    )
    async def export_person(caller: BackendCaller, person: str, body: JsonBody) -> Response:
        """Stream everything that is held about a person; that it was handed out is recorded."""

        def start() -> tuple[bytes, Iterator[bytes]]:
            order = body.model(ExportOrder)
            parts = service.rights.of(
                person,
                within=caller.application.code,
                addresses=order.addresses,
                processing=order.processing,
                actor=caller.actor,
                correlation_id=order.correlation_id,
            )
            return next(parts), parts

        places = service.places_for(service.readers, body)
        # The first part is made before the response starts, so that an error can still be one.
        first, rest = await places.run(caller.share, start)
        run = partial(places.run, caller.share, patient=True)
        return StreamingResponse(archive(first, rest, run), media_type=ZIP, headers=HEADERS)

    @routes.post("/persons/{person:path}/erase", openapi_extra=model_body(ErasureOrder))
    @service.writes
    def erase_person(caller: OperatorCaller, person: str, body: JsonBody) -> Erasure:
        """Make a person's data unreadable for good and return the certificate; or try it.

        Needs the scope admin. Repeat a call that was interrupted: it goes on.
        """
        order = body.model(ErasureOrder)
        return service.rights.erase(
            person,
            dry_run=order.dry_run,
            within=caller.application.code,
            actor=caller.actor,
            correlation_id=order.correlation_id,
        )

    @routes.post("/installations/{installation:path}/erase", openapi_extra=model_body(ErasureOrder))
    @service.writes
    def erase_installation(
        caller: OperatorCaller, installation: str, body: JsonBody
    ) -> InstallationErasure:
        """Make what a device told while nobody was signed in on it unreadable; or try it.

        An installation that is in use expires first. Needs the scope admin. Repeat a call that
        was interrupted: it goes on.
        """
        order = body.model(ErasureOrder)
        return service.rights.erase_installation(
            installation,
            dry_run=order.dry_run,
            within=caller.application.code,
            actor=caller.actor,
            correlation_id=order.correlation_id,
        )

    return routes


async def archive(
    part: bytes, rest: Iterator[bytes], run: Callable[..., Any]
) -> AsyncIterator[bytes]:
    """Yield a ZIP, one part at a time."""
    while part:
        yield part
        part = await run(partial(next, rest, b""))
