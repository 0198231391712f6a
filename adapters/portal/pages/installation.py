"""A device: who held it over time, its facts and tags, and why a push reaches it or not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from starlette.responses import Response

from addressee.application import InstallationState
from addressee.domain import NoRegistration
from addressee.domain.address import address_of

from ..page import Page
from ..views.holding import holdings, picture
from ..views.timeline import timeline
from ..visit import Visit

SHOWN = 100


class Check(NamedTuple):
    """One condition of a push, whether it is met, and what that means."""

    met: bool
    name: str
    text: str


def show(visit: Visit) -> Response:
    """Return the page of the device of the parameter ``id``, at the moment of ``at``."""
    name, at = visit.asked("id"), visit.moment(visit.asked("at"))
    history, code = visit.service.history, visit.code
    recorded = history.installation(name, within=code)
    try:
        state = history.installation_state(name, at, within=code)
    except NoRegistration:
        return visit.page("people/installation.html", name=name, at=at, state=None)
    until = [each for each in recorded if at is None or each.event.timestamp <= at]
    held = [*holdings(until)]
    drawn = picture(held, at or visit.service.clock())
    holder = history.who(name, at, within=code)
    named = [person for person, _ in drawn.rows] if drawn else []
    whole = bool(visit.asked("all"))
    newest = until[::-1] if whole else until[: -SHOWN - 1 : -1]
    return visit.page(
        "people/installation.html",
        name=name,
        at=at,
        state=state,
        holder=holder,
        labels=visit.labels({*named, *([holder] if holder else [])}),
        picture=drawn,
        holdings=held[::-1][:SHOWN],
        facts=visit.masking.facts(state.facts),
        attributes=visit.masking.values(state.attributes),
        tags=visit.masking.tags(state.tags),
        checks=[*checks(state, visit.service.clock())],
        entries=[*timeline(newest, visit.masking)],
        events=len(until),
        whole=whole,
    )


def checks(state: InstallationState, now: datetime) -> Iterator[Check]:
    """Yield what a push needs of a device, and whether the device has it."""
    expired = state.expired
    yield Check(
        expired is None,
        "Registered",
        "The registration is live." if expired is None else f"It expired: {expired}.",
    )
    yield Check(
        state.push_enabled,
        "Push switched on in the app",
        "The app has push on." if state.push_enabled else "The user has switched push off.",
    )
    yield Check(
        state.notifications_enabled,
        "Notifications allowed by the system",
        "The operating system shows them."
        if state.notifications_enabled
        else "The permission is missing or was withdrawn in the system's settings.",
    )
    address = address_of(state.name, state.facts, now)
    yield Check(
        address is not None,
        "Push address known",
        "No push token was reported." if address is None else f"Service: {address.service}.",
    )


PAGES = (Page("/installation", {"GET": show}),)
