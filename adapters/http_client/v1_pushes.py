"""The calls on `/v1/pushes`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from .v1_connection import Connection, part


class PushCalls(Connection):
    """Makes, reads and steers dispatches; the results are `DispatchStatus` as JSON."""

    def push(  # noqa: PLR0913 # one argument for each part of a message
        self,
        expression: str,
        *,
        title: str | None = None,
        body: str | None = None,
        data: Mapping[str, str] | None = None,
        ttl: int | None = None,
        priority: Literal["high", "normal"] = "high",
        collapse_key: str | None = None,
        include_disabled: bool = False,
        resend_unknown: bool = False,
        dry_run: bool = False,
        idempotency_key: str | None = None,
        starts_at: datetime | str | None = None,
    ) -> dict[str, Any]:
        """Make a dispatch of a message to an audience, which the server's dispatcher sends.

        Args:
            expression: the audience, queried anew for each batch.
            title: of the notification.
            body: its text; a message without title and body is silent.
            data: name → value for the app.
            ttl: for how many seconds services keep it.
            priority: ``high`` wakes a device up.
            collapse_key: a later message with the same key takes its place on a device.
            include_disabled: also to installations with a push flag off.
            resend_unknown: send batches of unknown outcome again; somebody may get it twice.
            dry_run: make nothing, and return how many installations it would reach.
            idempotency_key: the same key again returns the first dispatch.
            starts_at: before when it does not start, at most 366 days ahead; a time with its zone,
                as text in ISO 8601.
        """
        order: dict[str, Any] = {
            "expression": expression,
            "title": title,
            "body": body,
            "data": dict(data or {}),
            "ttl": ttl,
            "priority": priority,
            "collapse_key": collapse_key,
            "include_disabled": include_disabled,
            "resend_unknown": resend_unknown,
            "dry_run": dry_run,
        }
        if starts_at is not None:  # servers of earlier releases do not know it
            at = starts_at.isoformat() if isinstance(starts_at, datetime) else starts_at
            order["starts_at"] = at
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        made: dict[str, Any] = self._call("POST", "/pushes", order, headers=headers)
        return made

    def pushes(self, limit: int = 100, *, scheduled: bool = False) -> list[dict[str, Any]]:
        """Return the newest dispatches, or the scheduled ones that start first; at most 1,000."""
        asked = {"limit": str(limit), **({"scheduled": "true"} if scheduled else {})}
        found: list[dict[str, Any]] = self._call("GET", "/pushes", params=asked)
        return found

    def push_status(self, dispatch: str) -> dict[str, Any]:
        """Return a dispatch, and how many installations had which outcome."""
        found: dict[str, Any] = self._call("GET", f"/pushes/{part(dispatch)}")
        return found

    def pause_push(self, dispatch: str) -> dict[str, Any]:
        """Have no further batch leave, until the dispatch is resumed."""
        return self._steer(dispatch, "pause")

    def resume_push(self, dispatch: str) -> dict[str, Any]:
        """Let a paused dispatch go on."""
        return self._steer(dispatch, "resume")

    def cancel_push(self, dispatch: str) -> dict[str, Any]:
        """Have no further batch leave, ever."""
        return self._steer(dispatch, "cancel")

    def _steer(self, dispatch: str, verb: str) -> dict[str, Any]:
        found: dict[str, Any] = self._call("POST", f"/pushes/{part(dispatch)}/{verb}")
        return found
