"""Pushes: written for an audience, tried, sent once, now or later, watched and stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from starlette.responses import Response

from addressee.application import DispatchStatus, Message
from addressee.application.default_clock_and_ids import random_id
from addressee.domain import AddresseeError, Conflict, InvalidValue, StoreError

from ..page_route import Page
from ..views.form_problem import FormProblem, form_problem
from ..views.local_time_input import COORDINATED, moment_in, zones
from ..visit import Visit

LISTED = 50
FIELDS = ("expression", "title", "body", "starts_at", "zone")
"""What the form of a push has."""
STEERED: Mapping[tuple[str, str], str] = {
    ("pause", "paused"): "paused",
    ("resume", "running"): "resumed",
    ("cancel", "cancelled"): "cancelled",
}
"""What is done with a dispatch, and its state then → the result, in the words of the page."""
UNCHANGED: Mapping[str, str] = {"done": "ended", "cancelled": "stopped", "scheduled": "waits"}
"""State that a dispatch has in spite of what was to be done with it → the result."""


def listed(visit: Visit) -> Response:
    """Return the scheduled dispatches that start first, and the newest of the others."""
    notifier = visit.service.notifier
    scheduled = notifier.scheduled(visit.code, LISTED)
    found = notifier.dispatches(visit.code, LISTED, scheduled=False)
    texts = notifier.messages((each.id for each in [*scheduled, *found]), within=visit.code)
    return visit.page(
        "audiences/pushes.html",
        scheduled=scheduled,
        dispatches=found,
        texts=texts,
        most=LISTED,
    )


def show(visit: Visit) -> Response:
    """Return the dispatch of the parameter ``id``; of a scheduled one, what it would reach now."""
    found = visit.service.notifier.status(visit.asked("id"), within=visit.code)
    number, problem = matching(visit, found) if found.state == "scheduled" else (None, None)
    message = visit.service.notifier.messages([found.id], within=visit.code).get(found.id)
    return visit.page(
        "audiences/push.html", push=found, message=message, matching=number, broken=problem
    )


def matching(visit: Visit, push: DispatchStatus) -> tuple[int | None, str | None]:
    """Return how many devices an audience has now, or why it can't be queried any more."""
    try:
        number = visit.portal.past.targeting(None, visit.code).count(
            visit.code, push.audience, include_disabled=push.include_disabled
        )
    except (StoreError, Conflict):  # the page fails, and its audience may be sound
        raise
    except AddresseeError as error:
        return None, error.code
    return number, None


def write(visit: Visit) -> Response:
    """Return the form of a push to an audience; with a message, whom it would reach."""
    visit.need("send")
    if not visit.field("try"):
        return form_of(visit)
    try:
        return form_of(visit, tried=dispatched(visit, dry_run=True))
    except AddresseeError as error:
        return form_of(visit, problem=problem_of(error))


def form_of(
    visit: Visit, tried: DispatchStatus | None = None, problem: FormProblem | None = None
) -> Response:
    """Return the form as it was filled in, with whom the push would reach or what is wrong."""
    return visit.page(
        "audiences/write.html",
        problem.status if problem else 200,
        form={name: visit.field(name) for name in FIELDS},
        tried=tried,
        later=tried is not None and tried.starts_at and tried.starts_at > visit.service.clock(),
        once=visit.field("once") or random_id(),
        problem=problem,
        zones=zones(),
    )


def problem_of(error: AddresseeError) -> FormProblem:
    """Return what is wrong with the form; raises the error again if the form is not to blame."""
    return form_problem(error, error.field if isinstance(error, InvalidValue) else "expression")


def send(visit: Visit) -> Response:
    """Make the dispatch, once however often the form is sent."""
    visit.need("send")
    try:
        visit.confirmed()
        made = dispatched(visit, dry_run=False)
    except AddresseeError as error:
        return form_of(visit, problem=problem_of(error))
    done = {"scheduled": "scheduled", "running": "made"}.get(made.state, "made-before")
    return visit.go("/push", id=made.id, done=done)


def steer(visit: Visit) -> Response:
    """Pause, resume or cancel a dispatch, and tell what it is then: it may have ended meanwhile."""
    visit.need("send")
    name, how = visit.field("id"), visit.field("do")
    notifier = visit.service.notifier
    steers = {"pause": notifier.pause, "resume": notifier.resume, "cancel": notifier.cancel}
    if how not in steers:
        return visit.go("/push", id=name)
    state = steers[how](name, within=visit.code, actor=visit.operator.actor).state
    return visit.go("/push", id=name, done=STEERED.get((how, state)) or UNCHANGED.get(state))


def dispatched(visit: Visit, *, dry_run: bool) -> DispatchStatus:
    """Return a dispatch as the form describes it."""
    local, zone = visit.field("starts_at"), visit.field("zone") or COORDINATED
    return visit.service.notifier.dispatch(
        visit.code,
        visit.field("expression"),
        Message(visit.field("title") or None, visit.field("body") or None),
        dry_run=dry_run,
        starts_at=moment_in(zone, "starts_at", local) if local else None,
        idempotency_key=None if dry_run else key_of(visit),
        actor=visit.operator.actor,
    )


def key_of(visit: Visit) -> str | None:
    """Return the idempotency key of what the form says.

    Sent again as it is, also by way of the browser's history, a form makes nothing new. Once
    anything in it has changed it is another push, which the key of the form alone would refuse.
    """
    once = visit.field("once")
    written = json.dumps([once, *(visit.field(name) for name in FIELDS)])
    return sha256(written.encode()).hexdigest() if once else None


PAGES = (
    Page("/pushes", {"GET": listed}),
    Page("/push", {"GET": show}),
    Page("/push/write", {"POST": write}),
    Page("/push/send", {"POST": send}),
    Page("/push/steer", {"POST": steer}),
)
