"""Running the store: policies, keys, lag, seals, and long works with their progress."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from addressee.adapters.http.v1_api.states import shown
from addressee.application import Administration, RelayStore, Scope, Sinks, SinkStatus
from addressee.application.ledger.seal_check import newest_seal
from addressee.domain import InvalidValue, values

from ..page_route import Page
from ..views.timeline import Entry, timeline
from ..visit import Visit

LAST_ACTIONS = 50
SCOPES: dict[Scope, str] = {
    "backend": "a backend: commands and queries over /v1",
    "read": "an operator who looks, with personal data masked",
    "support": "an operator who signs devices out, merges and exports",
    "marketing": "an operator who writes audiences and sends pushes",
    "admin": "an operator who may do everything, and metrics",
}


def show(visit: Visit) -> Response:
    """Return the page."""
    return page(visit)


def page(visit: Visit, key: str | None = None) -> Response:
    """Return the page, with a key that was just made."""
    operator, service = visit.operator, visit.service
    may = operator.may("operate")
    return visit.page(
        "operations.html",
        policies=policies(shown(operator.application)),
        keys=service.configured.applications.keys(operator.code) if may else [],
        scopes=SCOPES,
        key=key,
        own=visit.session.key,
        settled=service.store.settled() if may else 0,
        seal=newest_seal(service.store) if may else None,
        sinks=sinks_of(visit) if may else [],
        projections=visit.portal.settings.maintenance.projections() if may else {},
        groups=service.people.groups,
        works=visit.portal.works,
        actions=actions_of(visit) if may else [],
    )


def make_key(visit: Visit) -> Response:
    """Make a key and show it, once."""
    visit.need("operate")
    scope: Scope = values.choice("scope", visit.field("scope"), Scope)
    return page(visit, administration(visit).issue_key(visit.code, scope))


def revoke_key(visit: Visit) -> Response:
    """Revoke a key of the operator's application, but the operator's own."""
    visit.need("operate")
    name = visit.field("name")
    if name == visit.session.key:
        raise InvalidValue("name", "is the key that you have signed in with")
    administration(visit).revoke_key(name, within=visit.code)
    return visit.go("/operations", done="revoked")


def start(visit: Visit) -> Response:
    """Start a long work."""
    visit.need("operate")
    name, noted = visit.field("work"), administration(visit).start
    started = visit.portal.works.start(name, visit.operator.actor, noted)
    return visit.go("/operations", done="started" if started else "busy")


def administration(visit: Visit) -> Administration:
    """Return what changes keys, and notes works that begin, on behalf of the operator."""
    service = visit.service
    return Administration(
        service.store,
        visit.operator.actor,
        applications=service.configured.applications,
        clock=service.clock,
    )


def actions_of(visit: Visit) -> list[Entry]:
    """Return what was done to the application and to the store last, newest first."""
    found = visit.service.history.actions(visit.code, whole=True, limit=LAST_ACTIONS)
    return [*timeline(found, visit.masking)]


def policies(settings: dict[str, Any]) -> dict[str, object]:
    """Return the settings of an application by the words that people use for them."""
    return {name.replace("_", " "): value for name, value in settings.items() if name != "code"}


def sinks_of(visit: Visit) -> list[SinkStatus]:
    """Return how far each relay is."""
    store = visit.service.store
    if not isinstance(store, RelayStore):
        return []
    return Sinks(store, clock=visit.service.clock).all()


PAGES = (
    Page("/operations", {"GET": show}),
    Page("/operations/key", {"POST": make_key}),
    Page("/operations/revoke", {"POST": revoke_key}),
    Page("/operations/work", {"POST": start}),
)
