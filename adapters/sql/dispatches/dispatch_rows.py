"""Dispatches and batches as rows of their tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast, get_args

from pyroaring import BitMap

from addressee.application import Dispatch, Fate, Message, PushBatch, PushOutcome
from addressee.domain.times import from_microseconds, microseconds_or_none, to_microseconds

OUTCOMES: tuple[PushOutcome, ...] = get_args(PushOutcome)
DISPATCH_COLUMNS: tuple[str, ...] = (
    "id",
    "application",
    "created_at",
    "state",
    "next_ordinal",
    "batches",
    "starts_at",
    "body",
)
BATCH_COLUMNS: tuple[str, ...] = (
    "dispatch",
    "number",
    "application",
    "first_ordinal",
    "last_ordinal",
    "position",
    "left_at",
    "attempt",
    "worker",
    "due",
    *OUTCOMES,
    "members",
    "fates",
)


def dispatch_place(dispatch: str) -> str:
    """Return what the sealed body of a dispatch is bound to."""
    return f"dispatch {dispatch}"


def batch_place(dispatch: str, number: int) -> str:
    """Return what the sealed outcomes of a batch are bound to."""
    return f"batch {number} of dispatch {dispatch}"


def dispatch_row(dispatch: Dispatch) -> tuple[Any, ...]:
    """Return a dispatch as its row."""
    message = dispatch.message
    body = {
        "audience": dispatch.audience,
        "include_disabled": dispatch.include_disabled,
        "resend_unknown": dispatch.resend_unknown,
        "position": dispatch.position,
        "problem": dispatch.problem,
        "without_address": dispatch.without_address,
        "message": {
            "title": message.title,
            "body": message.body,
            "data": dict(message.data),
            "ttl": message.ttl,
            "priority": message.priority,
            "collapse_key": message.collapse_key,
        },
    }
    return (
        dispatch.id,
        dispatch.application,
        to_microseconds(dispatch.created_at),
        dispatch.state,
        dispatch.cursor,
        dispatch.batches,
        microseconds_or_none(dispatch.starts_at),
        json.dumps(body).encode(),
    )


def dispatch_in(row: Sequence[Any]) -> Dispatch:
    """Return the dispatch within a row of `DISPATCH_COLUMNS`."""
    name, application, created_at, state, cursor, batches, starts_at, body = row
    told: dict[str, Any] = json.loads(body)
    message = Message(**told.pop("message"))
    return Dispatch(
        id=name,
        application=application,
        created_at=from_microseconds(created_at),
        state=state,
        cursor=cursor,
        batches=batches,
        message=message,
        starts_at=None if starts_at is None else from_microseconds(starts_at),
        **told,
    )


def batch_row(batch: PushBatch, application: str) -> tuple[Any, ...]:
    """Return a batch as its row."""
    tally = batch.tally()
    fates = [[ordinal, *fate] for ordinal, fate in batch.fates.items()]
    return (
        batch.dispatch,
        batch.number,
        application,
        batch.members.min(),
        batch.members.max(),
        batch.position,
        to_microseconds(batch.left_at),
        batch.attempt,
        batch.worker,
        microseconds_or_none(batch.due),
        *(tally.get(outcome, 0) for outcome in OUTCOMES),
        batch.members.serialize(),
        json.dumps(fates).encode(),
    )


def batch_in(row: Sequence[Any]) -> PushBatch:
    """Return the batch within a row of `BATCH_COLUMNS`."""
    columns = dict(zip(BATCH_COLUMNS, row, strict=True))
    due: int | None = columns["due"]
    fates = cast("list[tuple[int, PushOutcome, str]]", json.loads(columns["fates"]))
    return PushBatch(
        columns["dispatch"],
        columns["number"],
        columns["position"],
        from_microseconds(columns["left_at"]),
        BitMap.deserialize(columns["members"]),
        columns["attempt"],
        columns["worker"],
        None if due is None else from_microseconds(due),
        {ordinal: Fate(outcome, detail) for ordinal, outcome, detail in fates},
    )
