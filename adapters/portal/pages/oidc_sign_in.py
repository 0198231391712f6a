"""Signing in at an identity provider: the way there, the way back, and out of it."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from addressee.domain import InvalidValue, values

from ..oidc.pending_sign_in import (
    COOKIE,
    LONGEST,
    Flow,
    ProviderUnavailable,
    SignInRefused,
    cookie_of,
    flow_of,
    surplus,
)
from ..page_route import Page
from ..settings import PortalSettings
from ..visit import Visit
from .sign_in import ON_THIS_HOST

if TYPE_CHECKING:
    from ..oidc.provider import Provider

NAME = 200
"""Longest name of an operator, in characters: an e-mail address may be one."""
OF_A_KEY = re.compile("@[0-9a-f]{16}$")
"""How the actor of somebody with a key ends: no provider's name may look like it."""
FOUND, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, UNAVAILABLE = 302, 401, 403, 404, 503


def begin(visit: Visit) -> Response:
    """Send the browser to the provider, with a cookie that its answer has to fit."""
    provider, application = visit.portal.provider, visit.asked("application")
    if provider is None or application not in provider.settings.roles:
        return problem(visit, NOT_FOUND, "Nobody signs in here with an identity provider.")
    flow = Flow.begin(application, visit.asked("next"), visit.portal.sessions.now())
    try:
        url = provider.sign_in_url(flow)
    except ProviderUnavailable as error:
        return unavailable(visit, error)
    response = RedirectResponse(url, FOUND)
    settings, sessions = visit.portal.settings, visit.portal.sessions
    ours = settings.cookie(COOKIE)
    sent = {name: value for name, value in visit.request.cookies.items() if name.startswith(ours)}
    for name in surplus(sessions.secret, sent, sessions.now()):
        forget(response, name, settings)
    response.set_cookie(
        settings.cookie(flow.cookie),
        flow.signed(sessions.secret),
        max_age=LONGEST,
        secure=settings.secure,
        httponly=True,
        samesite="lax",  # the provider sends the browser back by a link
    )
    return response


def finish(visit: Visit) -> Response:
    """Begin the session of an operator that the provider has sent back; the cookie counts once."""
    provider, settings = visit.portal.provider, visit.portal.settings
    if provider is None:
        return problem(visit, NOT_FOUND, "Nobody signs in here with an identity provider.")
    name = settings.cookie(cookie_of(visit.asked("state")))
    cookie = visit.request.cookies.get(name)
    flow = flow_of(visit.portal.sessions.secret, cookie, visit.portal.sessions.now())
    response = answered(visit, provider, flow)
    forget(response, name, settings)
    return response


def forget(response: Response, cookie: str, settings: PortalSettings) -> None:
    """Have the browser drop the cookie of a sign-in."""
    response.delete_cookie(cookie, secure=settings.secure, httponly=True, samesite="lax")


def answered(visit: Visit, provider: Provider, flow: Flow | None) -> Response:
    """Return what becomes of a provider's answer."""
    logger = visit.portal.logger
    try:
        flow, code = checked_answer(visit, provider.settings.issuer, flow)
        proven = provider.redeemed(code, flow)
        name = checked_name(proven.name)
    except ProviderUnavailable as error:
        return unavailable(visit, error)
    except (SignInRefused, InvalidValue) as error:
        logger.warning("a sign-in was refused: %s", error)
        return problem(visit, UNAUTHORIZED, f"The sign-in was refused: {error}.")
    issuer, application = provider.settings.issuer, flow.application
    role = provider.settings.role(application, proven.groups)
    if role is None:
        logger.warning("operator:%s has no role in %s", name, application)
        text = f"The identity provider knows you; none of your groups has a role in {application}."
        return problem(visit, FORBIDDEN, text)
    began = visit.portal.sessions.begin(
        operator=name, application=application, role=role, issuer=issuer
    )
    visit.session = began
    logger.info("%s signed in as %s", began.actor, proven.subject)
    return visit.go(flow.following if ON_THIS_HOST.match(flow.following) else "/")


def checked_answer(visit: Visit, issuer: str, flow: Flow | None) -> tuple[Flow, str]:
    """Return the browser's sign-in and the code for it; raises SignInRefused."""
    if flow is None or flow.state != visit.asked("state"):
        raise SignInRefused("it was begun elsewhere, took too long, or has ended before")
    if visit.asked("iss") not in {"", issuer}:  # RFC 9207
        raise SignInRefused("another identity provider has answered")
    if not visit.asked("code"):
        raise SignInRefused("the identity provider has not signed you in")
    return flow, visit.asked("code")


def sign_out(visit: Visit) -> Response:
    """Send a browser that has signed out here to the provider's page for that."""
    provider = visit.portal.provider
    try:
        url = provider.sign_out_url() if provider else None
    except ProviderUnavailable:
        url = None
    return visit.page("signed_out.html", leave=url)


def checked_name(name: object) -> str:
    """Return an operator's name as the ledger can have it; raises InvalidValue.

    Names that differ in spaces, width or composition alone look alike: one form of them is taken.
    """
    text = values.text("name", name, NAME, least=1)
    if not text.isprintable() or OF_A_KEY.search(text):
        raise InvalidValue("name", "should be printable, and look like no key's")
    if text != unicodedata.normalize("NFKC", text).strip():
        raise InvalidValue("name", "should be in Unicode NFKC, without spaces around it")
    return text


def unavailable(visit: Visit, error: Exception) -> Response:
    """Return the page for a provider that does not answer as it should."""
    visit.portal.logger.warning("the identity provider of operators: %s", error)
    text = "The identity provider does not answer as it should. Try again in a minute."
    return problem(visit, UNAVAILABLE, text)


def problem(visit: Visit, status: int, text: str) -> Response:
    """Return the page of a sign-in that came to nothing."""
    return visit.page("error.html", status, title="You are not signed in", text=text)


PAGES = (
    Page("/sign-in/provider", {"GET": begin}, open=True, waits=True),
    Page("/sign-in/callback", {"GET": finish}, open=True, waits=True),
    Page("/sign-out/provider", {"GET": sign_out}, open=True, waits=True),
)
