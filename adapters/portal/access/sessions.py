"""Sessions of operators: a signed cookie that expires, and the CSRF token that belongs to it."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from addressee.application.defaults import random_id

RENEWED = 60
"""A session is signed again once its last use is so many seconds old."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie of a browser says.

    Attributes:
        id: names the session; a new one at each sign-in, so that none can be planted.
        began: when it began, in seconds since 1970.
        used: when it was last used, likewise.
        key: name of the operator's API key; empty before sign-in.
        operator: the operator's name, as given at sign-in.
    """

    id: str
    began: int
    used: int
    key: str = ""
    operator: str = ""

    @property
    def actor(self) -> str:
        """The actor of recorded events (R29): the name is claimed, the key is proven."""
        return f"operator:{self.operator}@{self.key}"


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

    def begin(self, key: str = "", operator: str = "") -> Session:
        """Return a new session."""
        now = self._now()
        return Session(random_id(), now, now, key, operator)

    def used(self, session: Session) -> Session:
        """Return a session as used now; the same one where its last use is not long ago."""
        now = self._now()
        return replace(session, used=now) if now - session.used >= RENEWED else session

    def signed(self, session: Session) -> str:
        """Return the cookie of a session."""
        content = urlsafe_b64encode(json.dumps(asdict(session)).encode()).decode()
        return f"{content}.{digest(self.secret, content).hex()}"

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None if it is forged, expired or missing."""
        content, _, signature = (cookie or "").partition(".")
        if not hmac.compare_digest(digest(self.secret, content).hex().encode(), signature.encode()):
            return None
        session = Session(**json.loads(urlsafe_b64decode(content)))
        now = self._now()
        idle, age = now - session.used, now - session.began
        if idle > self.idle.total_seconds() or age > self.longest.total_seconds():
            return None
        return session

    def csrf(self, session: Session) -> str:
        """Return the token that each form of a session has to send."""
        return digest(self.secret, f"csrf {session.id}").hex()

    def may_post(self, session: Session, token: str) -> bool:
        """Return whether a form came from a page of the session."""
        return hmac.compare_digest(self.csrf(session).encode(), token.encode())

    def _now(self) -> int:
        return int(self.clock().timestamp())


def digest(secret: bytes, text: str) -> bytes:
    """Return the HMAC-SHA-256 of a text."""
    return hmac.digest(secret, text.encode(), sha256)
