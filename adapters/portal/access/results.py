"""The result of an action, told once: on the page that the browser is sent to afterwards.

It travels in a cookie that is named after that page and gone once the page has told it. So no
link, no reload and no page of another tab tells it again, when it may not be true any more; and
any process that knows the session can tell it.
"""

from __future__ import annotations

from hashlib import sha256

from starlette.responses import Response

from ..settings import PortalSettings
from .sessions import Session
from .signed_cookies import content_of, signed

LASTS = 60
"""For how many seconds a browser keeps a result that no page tells."""


class Results:
    """Results of the actions of one session.

    Args:
        secret: what cookies are signed with.
        settings: of the portal.
        session: whose results they are; nobody else's count.
    """

    def __init__(self, secret: bytes, settings: PortalSettings, session: Session) -> None:
        self._secret = secret
        self._settings = settings
        self._session = session

    def name(self, page: str) -> str:
        """Return the name of the cookie for a page, given its URL."""
        return self._settings.cookie(f"addressee-done-{sha256(page.encode()).hexdigest()[:16]}")

    def keep(self, response: Response, page: str, result: str) -> None:
        """Have the browser bring a result to a page."""
        name = self.name(page)
        response.set_cookie(
            name,
            signed(self._secret, name, {"session": self._session.id, "result": result}),
            max_age=LASTS,
            secure=self._settings.secure,
            httponly=True,
            samesite="lax",
        )

    def read(self, page: str, cookie: str | None) -> str | None:
        """Return the result that a browser has brought to a page, if any."""
        content = content_of(self._secret, self.name(page), cookie)
        if content is None or content["session"] != self._session.id:
            return None
        return str(content["result"])

    def forget(self, response: Response, page: str) -> None:
        """Have the browser bring it no more."""
        secure = self._settings.secure
        response.delete_cookie(self.name(page), secure=secure, httponly=True, samesite="lax")
