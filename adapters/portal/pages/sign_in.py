"""Signing in with a key, and out."""

from __future__ import annotations

import re

from starlette.responses import Response

from addressee.domain import InvalidValue, values

from ..access.operators import key_of
from ..page import Page
from ..visit import Visit

NAME = 64
"""Longest name of an operator, in characters."""
UNAUTHORIZED = 401
ON_THIS_HOST = re.compile(r"/(?![/\\])")
"""How a path begins: a portal that is mounted at the root would lead to the host after ``//``."""


def show(visit: Visit) -> Response:
    """Return the form."""
    return visit.page("sign_in.html", next=visit.asked("next"), name="", problem="")


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
        return visit.page("sign_in.html", UNAUTHORIZED, next=following, name=name, problem=problem)
    visit.session = visit.portal.sessions.begin(key, name)
    visit.portal.logger.info("%s signed in", visit.session.actor)
    return visit.go(following if ON_THIS_HOST.match(following) else "/")


def check_name(name: str) -> None:
    """Raise InvalidValue for what can't be the name of an operator in the ledger."""
    values.text("name", name, NAME, least=1)
    if not name.isprintable() or "@" in name:
        raise InvalidValue("name", "should be printable, without @")


def sign_out(visit: Visit) -> Response:
    """End the session."""
    visit.session = visit.portal.sessions.begin()
    return visit.go("/sign-in")


PAGES = (
    Page("/sign-in", {"GET": show, "POST": sign_in}, open=True),
    Page("/sign-out", {"POST": sign_out}, open=True),
)
