"""The ASGI application of the portal, which a host mounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from addressee.adapters.http.messages.error_responses import Refused, refusal_of
from addressee.adapters.http.service_context import ServiceContext
from addressee.domain import AddresseeError, InvalidValue

from .access.current_operator import operator_of
from .access.headers import SecurityHeaders
from .access.sessions import COOKIE, Session
from .page_route import Answer, Page
from .pages import PAGES
from .settings import PortalSettings
from .views.template_filters import FILTERS
from .visit import NotAllowed, PortalContext, Request, Visit, share_of

HERE = Path(__file__).parent
FIELDS = 200
"""Most fields of a form."""
COOKIES_OFF = "The browser sent no cookie. Allow cookies for this address, and sign in again."
NO_COOKIE = (
    "The browser sent no cookie: it keeps sessions over TLS alone. Open the portal by https. To "
    "try it without on this machine, start it with addressee serve --portal-http."
)
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404


def mount_portal(
    api: FastAPI, settings: PortalSettings | None = None, path: str = "/portal"
) -> None:
    """Mount the portal in the application of the API; without the slash at its end it redirects.

    Args:
        api: what `create_app` has returned.
        settings: of the portal.
        path: where it is mounted.
    """

    async def with_slash(request: HttpRequest) -> Response:
        return RedirectResponse(f"{request.scope.get('root_path', '')}{path}/")

    api.add_route(path, with_slash, include_in_schema=False)
    api.mount(path, create_portal(api, settings))


def create_portal(api: FastAPI, settings: PortalSettings | None = None) -> Starlette:
    """Return the portal as an ASGI application, to be mounted at any path.

    Args:
        api: what `create_app` has returned; the portal shares its store, policies and bounds.
        settings: of the portal.
    """
    service: ServiceContext = api.state.service
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    portal = PortalContext(service, settings or PortalSettings(), environment)
    return Starlette(
        routes=[
            *(
                Route(page.path, Endpoint(portal, page).answer, methods=[*page.answers])
                for page in PAGES
            ),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(SecurityHeaders)],
        exception_handlers={HTTPException: partial(on_no_route, portal)},
    )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers the requests of one page: in a thread, with a session, and posts with their token."""

    portal: PortalContext
    page: Page

    async def answer(self, request: HttpRequest) -> Response:
        """Return the response."""
        service, sessions = self.portal.service, self.portal.sessions
        posted = request.method == "POST"
        session = sessions.read(request.cookies.get(self.cookie)) or sessions.begin()
        places = service.writers if posted else service.readers
        if self.page.waits:  # a slow provider delays only those who sign in there
            places = self.portal.waiting
        try:
            form = fields(await request.body()) if posted else {}
            answer = self.page.answers[request.method]
            work = partial(self._answered, answer, asked(request, form), posted=posted)
            response = await places.run(share_of(session), work)
        except (AddresseeError, Refused) as error:  # the session could not be looked up, for one
            visit = Visit(self.portal, asked(request, {}), session, None)
            return failure(visit, error)
        return response

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return self.portal.settings.cookie(COOKIE)

    def _answered(self, answer: Answer, request: Request, *, posted: bool) -> Response:
        configured = self.portal.service.configured
        sent = self.portal.current_sessions().read(request.cookies.get(self.cookie))
        if sent is not None and sent.operator and configured.has_ended(sent.id):
            sent = None
        session = sent or self.portal.sessions.begin()
        known = operator_of(configured, session, self.portal.settings)
        visit = Visit(self.portal, request, session, known)
        response = self._allowed(answer, visit, posted=posted)
        return self._with_session(response, visit, sent)

    def _allowed(self, answer: Answer, visit: Visit, *, posted: bool) -> Response:
        """Return what the page answers, or why it does not."""
        token = visit.field("csrf")
        if not self.page.open and visit.known is None:
            if not posted:
                return visit.go("/sign-in", next=self._next(visit))
            title, text = "Your session has ended", "Sign in again; nothing was changed."
            return visit.page("error.html", UNAUTHORIZED, title=title, text=text)
        if posted and not self.portal.sessions.may_post(visit.session, token):
            title = "This form is no longer valid"
            text = "It was opened in another session. Go back, reload the page and send it again."
            if self.cookie not in visit.request.cookies:
                text = NO_COOKIE if self.portal.settings.secure else COOKIES_OFF
            return visit.page("error.html", FORBIDDEN, title=title, text=text)
        try:
            return answer(visit)
        except NotAllowed as error:
            text = f"The role “{visit.operator.role}” does not include: {error.permission}."
            return visit.page("error.html", FORBIDDEN, title="Your role may not do this", text=text)
        except (AddresseeError, Refused) as error:
            return failure(visit, error)

    def _next(self, visit: Visit) -> str:
        """Return the page that the browser asked for, as its path below the portal."""
        return visit.url(visit.request.path, **visit.request.query)[len(visit.request.root) :]

    def _with_session(self, response: Response, visit: Visit, sent: Session | None) -> Response:
        """Have the browser remember the session, where that changes what it knows.

        A late response must not bring back the cookie of a browser that has signed out meanwhile.
        """
        secure, sessions = self.portal.settings.secure, self.portal.sessions
        if sessions.used(visit.session) == sent:
            return response
        response.set_cookie(
            self.cookie,
            sessions.signed(sessions.used(visit.session)),
            max_age=int(self.portal.settings.longest.total_seconds()),
            secure=secure,
            httponly=True,
            samesite="lax",  # a link in a ticket opens the page; a form of another site does not
        )
        return response


def asked(request: HttpRequest, form: Mapping[str, list[str]]) -> Request:
    """Return what a browser has sent."""
    root = request.scope.get("root_path", "")
    path = request.url.path.removeprefix(root)
    return Request(root, path, dict(request.query_params), form, request.cookies)


def fields(body: bytes) -> dict[str, list[str]]:
    """Return the fields of a form; raises Refused."""
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise Refused(400, "INVALID_VALUE", "the form can't be read") from None


def failure(visit: Visit, error: AddresseeError | Refused) -> Response:
    """Return the page of an error."""
    refused = refusal_of(error) if isinstance(error, AddresseeError) else error
    title = "Not found" if refused.status == NOT_FOUND else "That did not work"
    if isinstance(error, InvalidValue):
        title = "Please check what you entered"
    return visit.page("error.html", refused.status, title=title, text=refused.text)


async def on_no_route(portal: PortalContext, request: HttpRequest, error: Exception) -> Response:
    """Return the page of a path or method that there is none for."""
    status = error.status_code if isinstance(error, HTTPException) else NOT_FOUND
    visit = Visit(portal, asked(request, {}), portal.sessions.begin(), None)
    return visit.page("error.html", status, title="Not found", text="There is no such page.")
