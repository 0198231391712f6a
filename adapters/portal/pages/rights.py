"""The rights of persons: everything that is held as a ZIP, and erasure after a dry run."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response, StreamingResponse

from addressee.adapters.http.v1_api.rights import HEADERS, ZIP, archive

from ..page_route import Page
from ..visit import Visit


def export(visit: Visit) -> Response:
    """Stream everything that is held about a person; that it was handed out is recorded."""
    visit.need("export")
    parts = visit.service.rights.of(
        visit.field("id"), within=visit.code, actor=visit.operator.actor
    )
    # The first part is made before the response starts, so that an error can still be one.
    run = partial(visit.service.readers.run, visit.share, patient=True)
    return StreamingResponse(archive(next(parts), parts, run), media_type=ZIP, headers=HEADERS)


def try_erasure(visit: Visit) -> Response:
    """Return what an erasure would destroy, and what it does not reach."""
    visit.need("erase")
    name = visit.asked("id")
    erasure = visit.service.rights.erase(name, dry_run=True, within=visit.code)
    return visit.page("people/erase.html", erasure=erasure, name=name)


def erase(visit: Visit) -> Response:
    """Erase a person for good, and show the certificate."""
    visit.need("erase")
    visit.confirmed()
    name = visit.field("id")
    context = visit.context()
    erasure = visit.service.rights.erase(
        name,
        within=visit.code,
        actor=visit.operator.actor,
        correlation_id=context.get("correlation_id"),
    )
    return visit.page("people/erase.html", erasure=erasure, name=name)


PAGES = (
    Page("/person/export", {"POST": export}),
    Page("/person/erase", {"GET": try_erasure, "POST": erase}),
)
