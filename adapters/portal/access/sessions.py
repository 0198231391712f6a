"""Sessions of operators: a signed cookie that expires, and the CSRF token that belongs to it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from addressee.application.default_clock_and_ids import random_id

from .signed_cookies import content_of, digest, signed

COOKIE = "addressee"
"""Name of the cookie, without its prefix."""
RENEWED = 60
"""A session is signed again once its last use is so many seconds old."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie of a browser says.

    Attributes:
        id: names the session; a new one at each sign-in, so that none can be planted.
        began: when it began, in seconds since 1970.
        used: when it was last used, likewise.
        key: name of the operator's API key; empty before sign-in, and at an identity provider's.
        operator: the operator's name, as given at sign-in; empty before it.
        application: code of the application that an identity provider's groups gave a role in.
        role: that role.
        issuer: the identity provider.
    """

    id: str
    began: int
    used: int
    key: str = ""
    operator: str = ""
    application: str = ""
    role: str = ""
    issuer: str = ""

    @property
    def actor(self) -> str:
        """The actor of recorded events (R29).

        With a key the name is claimed and the key is proven, so both are in it. A name without a
        key is the provider's word.
        """
        return f"operator:{self.operator}{'@' if self.key else ''}{self.key}"


@dataclass(frozen=True, slots=True)
class Sessions:
    """Signs and checks sessions; every process with the same secret knows them.

    Attributes:
        secret: what cookies are signed with; of the store's own, and in no export.
        clock: returns the current time, with its time zone.
        idle: how long an unused session lasts.
        longest: how long any session lasts.
    """

    secret: bytes
    clock: Callable[[], datetime]
    idle: timedelta
    longest: timedelta

    def begin(self, **operator: str) -> Session:
        """Return a new session, with the attributes of a `Session` that name its operator."""
        now = self.now()
        return Session(random_id(), now, now, **operator)

    def used(self, session: Session) -> Session:
        """Return a session as used now; the same one where its last use is not long ago."""
        now = self.now()
        return replace(session, used=now) if now - session.used >= RENEWED else session

    def signed(self, session: Session) -> str:
        """Return the cookie of a session."""
        return signed(self.secret, COOKIE, asdict(session))

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None if it is forged, expired or missing."""
        content = content_of(self.secret, COOKIE, cookie)
        if content is None:
            return None
        session = Session(**content)
        now = self.now()
        idle, age = now - session.used, now - session.began
        if idle > self.idle.total_seconds() or age > self.longest.total_seconds():
            return None
        return session

    def over(self, session: Session) -> int:
        """Return when a session is over at the latest, in seconds since 1970."""
        return session.began + int(self.longest.total_seconds())

    def csrf(self, session: Session) -> str:
        """Return the token that each form of a session has to send."""
        return digest(self.secret, f"csrf {session.id}").hex()

    def may_post(self, session: Session, token: str) -> bool:
        """Return whether a form came from a page of the session."""
        return hmac.compare_digest(self.csrf(session).encode(), token.encode())

    def now(self) -> int:
        """Return the current time in seconds since 1970."""
        return int(self.clock().timestamp())
