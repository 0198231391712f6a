"""Signing in with a key, or on the way to an identity provider, and out."""

from __future__ import annotations

import re

from starlette.responses import Response

from addressee.domain import InvalidValue, values

from ..access.current_operator import key_of
from ..page_route import Page
from ..visit import Visit

NAME = 64
"""Longest name of an operator, in characters."""
UNAUTHORIZED = 401
ON_THIS_HOST = re.compile(r"/(?![/\\])")
"""How a path begins: a portal that is mounted at the root would lead to the host after ``//``."""


def show(visit: Visit) -> Response:
    """Return the form."""
    return form(visit, visit.asked("next"))


def form(
    visit: Visit, following: str, name: str = "", problem: str = "", status: int = 200
) -> Response:
    """Return the form, with the applications that a provider's groups have roles in."""
    oidc = visit.portal.settings.oidc
    applications = [*oidc.roles] if oidc else []
    content = {"next": following, "name": name, "problem": problem, "applications": applications}
    return visit.page("sign_in.html", status, **content)


def sign_in(visit: Visit) -> Response:
    """Begin a session of the holder of a key; another key or no name shows the form again."""
    name, following = visit.field("name"), visit.field("next")
    problem, key = "", None
    try:
        check_name(name)
        key = key_of(visit.service.configured, visit.field("key"))
    except InvalidValue as error:
        problem = str(error)
    if key is None:
        problem = problem or "That key does not open the portal. A backend's key never does."
        return form(visit, following, name, problem, UNAUTHORIZED)
    visit.session = visit.portal.sessions.begin(key=key, operator=name)
    visit.portal.logger.info("%s signed in", visit.session.actor)
    return visit.go(following if ON_THIS_HOST.match(following) else "/")


def check_name(name: str) -> None:
    """Raise InvalidValue for what can't be the name of an operator in the ledger."""
    values.text("name", name, NAME, least=1)
    if not name.isprintable() or "@" in name:
        raise InvalidValue("name", "should be printable, without @")


def sign_out(visit: Visit) -> Response:
    """End the session, and the provider's where it began there."""
    of_provider = visit.portal.provider is not None and visit.known and not visit.session.key
    if visit.known:  # what a stolen cookie or a late response brings back counts no more
        sessions, ended = visit.portal.sessions, visit.session
        visit.service.configured.end_session(ended.id, sessions.over(ended), sessions.now())
    visit.session = visit.portal.sessions.begin()
    return visit.go("/sign-out/provider" if of_provider else "/sign-in")


PAGES = (
    Page("/sign-in", {"GET": show, "POST": sign_in}, open=True),
    Page("/sign-out", {"POST": sign_out}, open=True),
)
