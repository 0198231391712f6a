"""Previews of merges; the merges themselves are commands."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from addressee.application import AudienceChange, MergePreview, PrimaryMove

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PROBLEMS, model_body
from ..service_context import BackendCaller, ServiceContext
from .states import PersonInfo


class PreviewOrder(BaseModel):
    """Two persons who may be merged.

    Args:
        survivor: id of the person as whom both would be seen.
        merged: id of the other.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    survivor: str
    merged: str


class UnmergePreviewOrder(BaseModel):
    """A merge that may be taken back.

    Args:
        merge: its id.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    merge: str


class MergePreviewInfo(BaseModel):
    """What a merge does, or taking one back.

    Args:
        before: the persons as they are seen now.
        after: the persons as they are seen then.
        conflicts: attribute → the survivor's value, which is seen, and the other's, which is not.
        refusal: why it is refused unless it is forced; null if it is not.
        kept: what was recorded on the survivor since the merge, and stays there.
        primary_moves: the primary flags that move.
        audiences: what changes for audiences, by installation.
        digest: what the command needs to know that nothing has changed since.
    """

    before: list[PersonInfo]
    after: list[PersonInfo]
    conflicts: dict[str, tuple[Any, Any]]
    refusal: str | None
    kept: list[str]
    primary_moves: list[PrimaryMove]
    audiences: list[AudienceChange]
    digest: str

    @classmethod
    def of(cls, preview: MergePreview, application: str) -> MergePreviewInfo:
        """Return what is shown of a preview to an application."""
        return cls(
            before=[PersonInfo.of(state, application) for state in preview.before],
            after=[PersonInfo.of(state, application) for state in preview.after],
            conflicts=dict(preview.conflicts),
            refusal=preview.refusal,
            kept=list(preview.kept),
            primary_moves=list(preview.primary_moves),
            audiences=list(preview.audiences),
            digest=preview.digest,
        )


def merge_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/merges", tags=["merges"], responses=PROBLEMS)

    @routes.post("/preview", openapi_extra=model_body(PreviewOrder))
    @service.reads
    def preview_merge(caller: BackendCaller, body: JsonBody) -> MergePreviewInfo:
        """Return what the command ``merge`` would do."""
        order, code = body.model(PreviewOrder), caller.application.code
        preview = service.people.preview_merge(order.survivor, order.merged, within=code)
        return MergePreviewInfo.of(preview, code)

    @routes.post("/preview-unmerge", openapi_extra=model_body(UnmergePreviewOrder))
    @service.reads
    def preview_unmerge(caller: BackendCaller, body: JsonBody) -> MergePreviewInfo:
        """Return what the command ``unmerge`` would do."""
        order, code = body.model(UnmergePreviewOrder), caller.application.code
        return MergePreviewInfo.of(service.people.preview_unmerge(order.merge, within=code), code)

    return routes
