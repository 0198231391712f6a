"""Pushes: written for an audience, tried, sent once, watched and stopped."""

from __future__ import annotations

from starlette.responses import Response

from addressee.application import DispatchStatus, Message
from addressee.application.defaults import random_id

from ..page import Page
from ..visit import Visit

LISTED = 50
STEERED = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}
"""What can be done with a dispatch, and what it is then."""


def listed(visit: Visit) -> Response:
    """Return the newest dispatches."""
    found = visit.service.notifier.dispatches(visit.code, LISTED)
    return visit.page("audiences/pushes.html", dispatches=found)


def show(visit: Visit) -> Response:
    """Return the dispatch of the parameter ``id``."""
    found = visit.service.notifier.status(visit.asked("id"), within=visit.code)
    return visit.page("audiences/push.html", push=found)


def write(visit: Visit) -> Response:
    """Return the form of a push to an audience; with a message, whom it would reach."""
    visit.need("send")
    tried = dispatched(visit, dry_run=True) if visit.field("try") else None
    form = {name: visit.field(name) for name in ("expression", "title", "body")}
    again = visit.field("once") or random_id()
    return visit.page("audiences/write.html", form=form, tried=tried, once=again)


def send(visit: Visit) -> Response:
    """Make the dispatch, once however often the form is sent."""
    visit.need("send")
    visit.confirmed()
    made = dispatched(visit, dry_run=False)
    visit.note(f"made the dispatch {made.id}")
    return visit.go("/push", id=made.id, done="made")


def steer(visit: Visit) -> Response:
    """Pause, resume or cancel a dispatch."""
    visit.need("send")
    name, how = visit.field("id"), visit.field("do")
    notifier = visit.service.notifier
    steers = {"pause": notifier.pause, "resume": notifier.resume, "cancel": notifier.cancel}
    if how in steers:
        steers[how](name, within=visit.code)
        visit.note(f"{STEERED[how]} the dispatch {name}")
    return visit.go("/push", id=name, done=STEERED.get(how))


def dispatched(visit: Visit, *, dry_run: bool) -> DispatchStatus:
    """Return a dispatch as the form describes it."""
    return visit.service.notifier.dispatch(
        visit.code,
        visit.field("expression"),
        Message(visit.field("title") or None, visit.field("body") or None),
        dry_run=dry_run,
        idempotency_key=None if dry_run else visit.field("once") or None,
    )


PAGES = (
    Page("/pushes", {"GET": listed}),
    Page("/push", {"GET": show}),
    Page("/push/write", {"POST": write}),
    Page("/push/send", {"POST": send}),
    Page("/push/steer", {"POST": steer}),
)
