"""Pushes: dispatches of the application of the caller's key are made, read, and steered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from addressee.application import DispatchStatus, Message
from addressee.application.ports.delivery.push import Priority

from ..messages.json_body import JsonBody
from ..messages.openapi_schemas import PROBLEMS, model_body
from ..service_context import BackendCaller, ServiceContext
from .commands import IdempotencyKey

LISTED = 1_000
Limit = Annotated[int, Query(ge=1, le=LISTED, description="Most dispatches, newest first.")]
Scheduled = Annotated[
    bool, Query(description="Only those that are scheduled; the one that starts first comes first.")
]


class PushOrder(BaseModel):
    """A message to an audience.

    Args:
        expression: the audience, queried anew for each batch.
        title, body, data, ttl, priority, collapse_key: of the message, as `Message` has them.
        include_disabled: also to installations with a push flag off.
        resend_unknown: send batches of unknown outcome again (R40).
        dry_run: make nothing, and return how many installations it would reach.
        starts_at: before when it does not start, in ISO 8601 with its zone; at most 366 days ahead.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: str
    title: str | None = None
    body: str | None = None
    data: dict[str, str] = Field(default_factory=dict[str, str])
    ttl: int | None = None
    priority: Priority = "high"
    collapse_key: str | None = None
    include_disabled: bool = False
    resend_unknown: bool = False
    dry_run: bool = False
    starts_at: str | None = Field(default=None, json_schema_extra={"format": "date-time"})

    @property
    def message(self) -> Message:
        """The message; raises InvalidValue."""
        return Message(self.title, self.body, self.data, self.ttl, self.priority, self.collapse_key)


def push_routes(service: ServiceContext) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix="/v1/pushes", tags=["pushes"], responses=PROBLEMS)

    @routes.post("", openapi_extra=model_body(PushOrder))
    @service.writes
    def create_push(
        caller: BackendCaller, body: JsonBody, idempotency_key: IdempotencyKey = None
    ) -> DispatchStatus:
        """Make a dispatch, which a dispatcher sends, now or later; or try one without sending."""
        order = body.model(PushOrder)
        return service.notifier.dispatch(
            caller.application.code,
            order.expression,
            order.message,
            include_disabled=order.include_disabled,
            resend_unknown=order.resend_unknown,
            dry_run=order.dry_run,
            idempotency_key=idempotency_key,
            starts_at=order.starts_at,
            actor=caller.actor,
        )

    @routes.get("")
    @service.reads
    def list_pushes(
        caller: BackendCaller, limit: Limit = 100, *, scheduled: Scheduled = False
    ) -> list[DispatchStatus]:
        """Return the newest dispatches, or the scheduled ones that start first."""
        listed = service.notifier.scheduled if scheduled else service.notifier.dispatches
        return listed(caller.application.code, limit)

    @routes.get("/{dispatch}")
    @service.reads
    def get_push(caller: BackendCaller, dispatch: str) -> DispatchStatus:
        """Return a dispatch, and how many installations had which outcome."""
        return service.notifier.status(dispatch, within=caller.application.code)

    @routes.post("/{dispatch}/pause")
    @service.writes
    def pause_push(caller: BackendCaller, dispatch: str) -> DispatchStatus:
        """Have no further batch leave, until the dispatch is resumed."""
        code = caller.application.code
        return service.notifier.pause(dispatch, within=code, actor=caller.actor)

    @routes.post("/{dispatch}/resume")
    @service.writes
    def resume_push(caller: BackendCaller, dispatch: str) -> DispatchStatus:
        """Let a paused dispatch go on."""
        code = caller.application.code
        return service.notifier.resume(dispatch, within=code, actor=caller.actor)

    @routes.post("/{dispatch}/cancel")
    @service.writes
    def cancel_push(caller: BackendCaller, dispatch: str) -> DispatchStatus:
        """Have no further batch leave, ever."""
        code = caller.application.code
        return service.notifier.cancel(dispatch, within=code, actor=caller.actor)

    return routes
