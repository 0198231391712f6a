"""One sign-in under way: what binds the provider's answer to the browser that asked for it."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import accumulate

from ..access.signed_cookies import content_of, signed

COOKIE = "addressee-sign-in"
"""What the name of the cookie begins with, without its prefix."""
LONGEST = 600
"""How long a sign-in may take, in seconds."""
FOLLOWING = 2_000
"""Longest page in the cookie, in bytes as JSON: browsers drop cookies above 4,096 bytes."""
UNDER_WAY, ROOM = 5, 8_192
"""How many sign-ins a browser may have under way, and bytes of their cookies: servers take heads of
requests of 16 KiB."""


class SignInRefused(Exception):  # it becomes a page
    """An identity provider's answer signs nobody in; the text says why, without a secret."""


class ProviderUnavailable(Exception):  # likewise
    """An identity provider does not answer as it should; the text says why."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What the cookie of a sign-in says.

    Attributes:
        state: comes back with the answer (RFC 6749, section 10.12).
        nonce: comes back in the token (OpenID Connect Core 1.0, section 3.1.2.1).
        verifier: proves to the provider that the code is used where it was asked for (RFC 7636).
        application: the one that the operator signs in for.
        following: the page that the operator wanted; empty if it is too long.
        began: when it began, in seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    application: str
    following: str
    began: int

    @classmethod
    def begin(cls, application: str, following: str, now: int) -> Flow:
        """Return a new sign-in."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        page = following if len(json.dumps(following)) <= FOLLOWING else ""
        return cls(state, nonce, verifier, application, page, now)

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (RFC 7636, section 4.2: S256)."""
        hashed = sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(hashed).rstrip(b"=").decode()

    @property
    def cookie(self) -> str:
        """The name of its cookie."""
        return cookie_of(self.state)

    def signed(self, secret: bytes) -> str:
        """Return the value of its cookie."""
        return signed(secret, COOKIE, asdict(self))


def cookie_of(state: str) -> str:
    """Return the name of the cookie of a sign-in: each has its own, since tabs share cookies."""
    return f"{COOKIE}-{sha256(state.encode()).hexdigest()[:16]}"


def flow_of(secret: bytes, cookie: str | None, now: int) -> Flow | None:
    """Return the sign-in of a cookie; None if it is forged, missing or took too long."""
    content = content_of(secret, COOKIE, cookie)
    flow = None if content is None else Flow(**content)
    return flow if flow is not None and now - flow.began <= LONGEST else None


def surplus(secret: bytes, cookies: Mapping[str, str], now: int) -> list[str]:
    """Return the names of sign-ins' cookies that have to go before there is another one.

    Args:
        secret: what they are signed with.
        cookies: name → value of all that the browser sends for sign-ins.
        now: in seconds since 1970.
    """
    flows = {name: flow_of(secret, value, now) for name, value in cookies.items()}
    usable = {name: flow.began for name, flow in flows.items() if flow is not None}
    newest = sorted(usable, key=lambda name: usable[name], reverse=True)[: UNDER_WAY - 1]
    sizes = accumulate(len(name) + len(cookies[name]) for name in newest)
    kept = {name for name, size in zip(newest, sizes, strict=True) if size <= ROOM}
    return [name for name in cookies if name not in kept]
