"""A device: who held it over time, its facts and tags, and why a push reaches it or not."""

from __future__ import annotations

from starlette.responses import Response

from addressee.domain import NoRegistration

from ..page_route import Page
from ..views.holding import holdings, picture
from ..views.reachability import checks
from ..views.sent_pushes import sent_pushes
from ..views.timeline import timeline
from ..visit import Visit

SHOWN = 100
"""Most events and sessions on the page, the newest; the timeline can be shown whole."""


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
    received = sent_pushes(visit, [name], at)
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
        pushes=received,
        texts=visit.messages(received or ()),
        checks=[*checks(state, visit.service.clock())],
        entries=[*timeline(newest, visit.masking)],
        events=len(until),
        whole=whole,
    )


PAGES = (Page("/installation", {"GET": show}),)
