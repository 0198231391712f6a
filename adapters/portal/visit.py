"""One request of an operator, as pages see it, and what all pages share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from jinja2 import Environment
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from addressee.adapters.http.load.places import Places
from addressee.adapters.http.load.share import Share
from addressee.adapters.http.service_context import ServiceContext
from addressee.adapters.http.v1_api.as_of_cache import AsOfCache
from addressee.application import Context, Message, PersonState, SentPush
from addressee.domain import InvalidValue, UnknownPerson, limits, values

from .access.current_operator import Operator
from .access.results import Results
from .access.roles import Permission
from .access.sessions import Session, Sessions
from .background_jobs import Works, checks
from .oidc.settings import OidcSettings
from .settings import PortalSettings
from .views.masking import Masking

if TYPE_CHECKING:
    from .oidc.provider import Provider

SEE_OTHER = 303
STRANGERS = Share("portal", "device")
"""Requests before sign-in share one bound, and come after those of operators."""
PROVIDER_THREADS = 4
"""Most requests that wait for the identity provider at once."""
VERSION = version("addressee")


def share_of(session: Session) -> Share:
    """Return the requests that share one bound with those of a session."""
    return Share(session.key or session.actor, "backend") if session.operator else STRANGERS


class NotAllowed(Exception):  # it becomes a page
    """The operator's role lacks a permission."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(permission)
        self.permission = permission


class PortalContext:
    """What all pages of one portal share.

    Args:
        service: commands and queries of the HTTP service on the same store.
        settings: of the portal.
        environment: has the templates.

    Raises:
        InvalidValue: what an identity provider needs is not installed.
    """

    def __init__(
        self, service: ServiceContext, settings: PortalSettings, environment: Environment
    ) -> None:
        self.service = service
        self.settings = settings
        self.environment = environment
        self.sessions = Sessions(
            service.configured.session_secret(), service.clock, settings.idle, settings.longest
        )
        applications = service.configured.applications
        self.provider = None if settings.oidc is None else provider_of(settings.oidc, service)
        self.waiting = Places(
            PROVIDER_THREADS,
            backend=PROVIDER_THREADS,
            device=PROVIDER_THREADS,
            waiting=service.bounds.waiting,
            patience=service.bounds.patience,
        )
        self.past = AsOfCache(service.store, service.bounds.past_bytes, applications)
        self.logger = service.logger.getChild("portal")
        self.works = Works(
            {**checks(service.store), **settings.maintenance.works}, service.clock, self.logger
        )

    def current_sessions(self) -> Sessions:
        """Return sessions with the secret of today, which is read at most once a second."""
        secret = self.service.configured.session_secret()
        if secret != self.sessions.secret:  # it was renewed: all sessions have ended
            self.sessions = replace(self.sessions, secret=secret)
        return self.sessions


def provider_of(settings: OidcSettings, service: ServiceContext) -> Provider:
    """Return the identity provider of operators; raises InvalidValue."""
    if service.issued is None:
        raise InvalidValue("oidc", "needs more: pip install 'addressee[oidc]'")
    from .oidc.provider import Provider  # noqa: PLC0415 # an extra: keys work without it

    return Provider(settings, service.issued)


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser has sent.

    Attributes:
        root: the path that the portal is mounted at.
        path: the path below it.
        query: the parameters of the URL.
        form: the fields of a form, each with its values.
        cookies: name → value.
    """

    root: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, Sequence[str]]
    cookies: Mapping[str, str]


class Visit:
    """One request, answered by a page.

    Args:
        portal: what all pages share.
        request: what the browser has sent.
        session: of the browser.
        known: the operator, once signed in.
    """

    def __init__(
        self, portal: PortalContext, request: Request, session: Session, known: Operator | None
    ) -> None:
        self.portal = portal
        self.service = portal.service
        self.request = request
        self.session = session
        self.known = known

    @property
    def operator(self) -> Operator:
        """The operator; pages that anybody sees do not ask."""
        if self.known is None:
            raise AssertionError
        return self.known

    @property
    def share(self) -> Share:
        """The requests that share one bound: those of the session's key, or of all strangers."""
        return share_of(self.session)

    @property
    def code(self) -> str:
        """The code of the operator's application."""
        return self.operator.code

    @cached_property
    def masking(self) -> Masking:
        """How personal data is shown to the operator."""
        return Masking(self.operator.masked)

    def need(self, permission: Permission) -> None:
        """Raise NotAllowed unless the operator has a permission."""
        if not self.operator.may(permission):
            raise NotAllowed(permission)

    def field(self, name: str) -> str:
        """Return a field of the form without the spaces around it, empty if it is missing."""
        found = self.request.form.get(name, ())
        return found[0].strip() if found else ""

    def asked(self, name: str) -> str:
        """Return a parameter of the URL without the spaces around it, empty if it is missing."""
        return self.request.query.get(name, "").strip()

    def moment(self, text: str) -> datetime | None:
        """Return the moment of a date field, in UTC without a zone; None if it is empty."""
        return values.moment("at", text) if text else None

    def context(self) -> Context:
        """Return the options of a command: the operator, its application, and a form's reason."""
        given = self.field("reason")
        reason = values.text("reason", given, limits.NAME) if given else None
        return Context(actor=self.operator.actor, within=self.code, correlation_id=reason)

    def url(self, path: str, /, **query: object) -> str:
        """Return a URL of the portal; ids are parameters, since paths can't carry every id."""
        named = {name: value for name, value in query.items() if value not in {None, ""}}
        return f"{self.request.root}{path}{'?' + urlencode(named) if named else ''}"

    @property
    def _results(self) -> Results:
        return Results(self.portal.sessions.secret, self.portal.settings, self.session)

    def page(self, template: str, status: int = 200, /, **content: object) -> Response:
        """Return a page, with the result of the action that has led to it."""
        here = self.url(self.request.path, **self.request.query)
        brought = self.request.cookies.get(self._results.name(here))
        shared = {
            "visit": self,
            "result": self._results.read(here, brought),
            "url": self.url,
            "operator": self.known,
            "csrf": self.portal.sessions.csrf(self.session),
            "here": self.request.path,
            "version": VERSION,
        }
        found = self.portal.environment.get_template(template)
        response = HTMLResponse(found.render({**shared, **content}), status)
        if brought is not None:
            self._results.forget(response, here)
        return response

    def json(self, content: object, status: int = 200) -> Response:
        """Return JSON for the script."""
        return JSONResponse(content, status)

    def go(self, path: str, /, *, done: str | None = None, **query: object) -> Response:
        """Send the browser to a page, so that reloading it repeats no action.

        Args:
            path: of the page.
            done: the result of the action, which the page tells once; its template has the words.
            query: the parameters of the page.
        """
        page = self.url(path, **query)
        response = RedirectResponse(page, SEE_OTHER)
        if done is not None:
            self._results.keep(response, page, done)
        return response

    def label(self, state: PersonState) -> str:
        """Return the identifier that people know a person by, or the person's id."""
        first = next(iter(state.identifiers), None)
        return state.name if first is None else self.masking.identifier(first)

    def labels(self, persons: Iterable[str]) -> dict[str, str]:
        """Return person → label of those that can still be read."""
        found: dict[str, str] = {}
        for person in persons:
            with suppress(UnknownPerson):
                state = self.service.history.person_state(person, within=self.code)
                found[person] = self.label(state)
        return found

    def messages(self, pushes: Iterable[SentPush]) -> dict[str, Message]:
        """Return dispatch → message of pushes; those that are deleted are left out."""
        names = {push.dispatch for push in pushes}
        return self.service.notifier.messages(names, within=self.code) if names else {}

    def confirmed(self) -> None:
        """Raise InvalidValue unless the box of a form that can't be undone is checked."""
        if not self.field("sure"):
            raise InvalidValue("sure", "check the box to confirm")
