"""JSON web tokens in which a service names the person who uses a device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from addressee.adapters.tokens.claims import InvalidToken, TokenClock, signed_by, unverified
from addressee.application import Identity
from addressee.application.access.cached_applications import Lookup
from addressee.domain import InvalidValue, MobileApp

from ..messages.error_responses import Refused

ALGORITHMS = ["HS256", "HS384", "HS512"]
"""Accepted signature algorithms; ``none`` is not among them."""
APPLICATION = "infobip-api-key"
"""The claim with the application code, as the SDK's documentation writes it."""


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
        claims = signed_by(secret, ALGORITHMS, token)
        clock.check(claims)
        return PersonToken(application, subject_of(claims), vouched_by(claims))
    except (InvalidToken, InvalidValue) as error:
        raise Refused(401, "UNAUTHORIZED", f"the token is not valid: {error}") from None


def signer_of(configured: Lookup, token: str) -> tuple[MobileApp, bytes]:
    """Return the application and the key that a token names; raises InvalidToken."""
    header, claims = unverified(token)
    key_id: object = header.get("kid")
    code: object = claims.get(APPLICATION)
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
