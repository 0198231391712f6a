"""Running the store: policies, keys, lag, seals, and long works with their progress."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from addressee.adapters.http.v1_api.states import shown
from addressee.application import (
    RelayStore,
    Scope,
    Sinks,
    SinkStatus,
    issue_key,
)
from addressee.application.ledger.seal_check import newest_seal
from addressee.domain import InvalidValue, values

from ..page import Page
from ..visit import Visit

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
    )


def make_key(visit: Visit) -> Response:
    """Make a key and show it, once."""
    visit.need("operate")
    scope: Scope = values.choice("scope", visit.field("scope"), Scope)
    key = issue_key(visit.service.configured.applications, visit.code, scope)
    visit.note(f"made the key {key.partition('.')[0]} with the scope {scope}")
    return page(visit, key)


def revoke_key(visit: Visit) -> Response:
    """Revoke a key of the operator's application, but the operator's own."""
    visit.need("operate")
    name, applications = visit.field("name"), visit.service.configured.applications
    if name == visit.session.key:
        raise InvalidValue("name", "is the key that you have signed in with")
    if name in {key.name for key in applications.keys(visit.code)}:
        applications.remove_key(name)
        visit.note(f"revoked the key {name}")
    return visit.go("/operations", done="revoked")


def start(visit: Visit) -> Response:
    """Start a long work."""
    visit.need("operate")
    name = visit.field("work")
    started = visit.portal.works.start(name, visit.operator.actor)
    if started:
        visit.note(f"started: {name}")
    return visit.go("/operations", done="started" if started else "busy")


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
