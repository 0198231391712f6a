"""JSON web tokens in which a service names the person who uses a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import jwt

from addressee.application import Identity
from addressee.application.access.cached_applications import Lookup
from addressee.domain import InvalidValue, MobileApp

from ..messages.error_responses import Refused

ALGORITHMS = ["HS256", "HS384", "HS512"]
"""Accepted signature algorithms; ``none`` is not among them."""
APPLICATION = "infobip-api-key"
"""The claim with the application code, as the SDK's documentation writes it."""

LEEWAY = 30.0
TIMES = ("exp", "nbf", "iat")
FAR = 10**12
"""A later time, in seconds, is no time."""
SIGNATURE_ONLY = dict.fromkeys(
    ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_sub", "verify_jti"), False
)
"""The claims are checked here, so that an error can name the claim."""

# Its type is known only with a package that nothing else needs.
decode: Callable[..., dict[str, Any]] = jwt.decode  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class InvalidToken(Exception):
    """A token is not valid; the text says why, without its content."""


@dataclass(frozen=True, slots=True)
class TokenClock:
    """Judges the times in tokens (R47).

    Args:
        clock: returns the current time, with its time zone.
        leeway: tolerated difference of clocks, in seconds.
    """

    clock: Callable[[], datetime]
    leeway: float = LEEWAY

    def check(self, claims: Mapping[str, Any]) -> None:
        """Raise InvalidToken if a time is missing, malformed, past or in the future."""
        now = self.clock().timestamp()
        times = {name: seconds(name, claims[name]) for name in TIMES if name in claims}
        if "exp" not in times:
            raise InvalidToken("exp is missing")
        if times["exp"] + self.leeway <= now:
            raise InvalidToken("exp is in the past")
        for name in ("nbf", "iat"):
            if times.get(name, now) > now + self.leeway:
                raise InvalidToken(f"{name} is in the future")


class PersonToken(NamedTuple):
    """What a verified token says.

    Args:
        application: the application whose key has signed it.
        subject: the external id of the person.
        vouched: the contacts that it vouches for (R55): the claims ``email`` and ``phone_number``
            of OpenID Connect, each with ``…_verified``.
    """

    application: MobileApp
    subject: str
    vouched: Identity


def verified(configured: Lookup, token: str, clock: TokenClock) -> PersonToken:
    """Return what a token says.

    Args:
        configured: finds the application and its keys.
        token: the encoded token.
        clock: judges its times.

    Raises:
        Refused: it is malformed, not signed with a key of the application, or a claim is wrong. The
            response names the claim, and neither the right key nor the right person.
    """
    try:
        application, secret = signer_of(configured, token)
        claims = decode(token, secret, ALGORITHMS, options=SIGNATURE_ONLY)
        clock.check(claims)
        return PersonToken(application, subject_of(claims), vouched_by(claims))
    except jwt.InvalidSignatureError:
        problem = "its signature is wrong"
    except (InvalidToken, InvalidValue) as error:
        problem = str(error)
    except (jwt.PyJWTError, ValueError, RecursionError):
        problem = "it is malformed, or alg is none of HS256, HS384 and HS512"
    raise Refused(401, "UNAUTHORIZED", f"the token is not valid: {problem}")


def signer_of(configured: Lookup, token: str) -> tuple[MobileApp, bytes]:
    """Return the application and the key that a token names; raises InvalidToken."""
    key_id: object = jwt.get_unverified_header(token).get("kid")
    code: object = decode(token, options={"verify_signature": False}).get(APPLICATION)
    application = configured.application(code) if isinstance(code, str) else None
    secret = application.secret(key_id) if application and isinstance(key_id, str) else None
    if application is None or secret is None:
        raise InvalidToken(f"no application has this {APPLICATION} and kid")
    return application, secret


def subject_of(claims: Mapping[str, Any]) -> str:
    """Return the external id in verified claims (RFC 7519, section 4.1); raises InvalidToken."""
    if claims.get("aud"):
        raise InvalidToken("aud is given, and no audience is expected")
    subject: object = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise InvalidToken("sub should be the external id")
    return subject


def vouched_by(claims: Mapping[str, Any]) -> Identity:
    """Return the contacts that verified claims vouch for; raises InvalidValue."""

    def contacts(name: str) -> list[str]:
        return [claims[name]] if name in claims and claims.get(f"{name}_verified") is True else []

    return Identity(msisdns=contacts("phone_number"), emails=contacts("email"))


def seconds(name: str, value: object) -> float:
    """Return a time in seconds since 1970; raises InvalidToken."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < FAR:
        raise InvalidToken(f"{name} should be a number of seconds since 1970")
    return value
