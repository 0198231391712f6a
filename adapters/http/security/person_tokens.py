"""JSON web tokens in which a service or an identity provider names the person at a device."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from addressee.adapters.tokens.claims import (
    InvalidToken,
    IssuerUnavailable,
    TokenClock,
    has_audience,
    signed_by,
    unverified,
)
from addressee.application import Identity
from addressee.application.access.cached_applications import Lookup
from addressee.domain import AddresseeError, MobileApp, TokenIssuer

from ..messages.error_responses import UNAVAILABLE, Refused

if TYPE_CHECKING:
    from addressee.adapters.tokens.issued_tokens import IssuedTokens
    from addressee.adapters.tokens.issuer_keys import IssuerKeys

ALGORITHMS = ["HS256", "HS384", "HS512"]
"""Algorithms of an application's own keys; ``none`` is not among them."""
UNTRUSTED = f"alg is none of {', '.join(ALGORITHMS)}, and no application trusts its iss and aud"
APPLICATION = "infobip-api-key"
"""The claim with the application code, as the SDK's documentation writes it."""


class PersonToken(NamedTuple):
    """What a verified token says.

    Args:
        application: the application whose key, or whose identity provider, has signed it.
        subject: the external id of the person.
        vouched: the contacts that it vouches for (R55): the claims ``email`` and ``phone_number``
            of OpenID Connect, each with ``…_verified``.
    """

    application: MobileApp
    subject: str
    vouched: Identity


class PersonTokens:
    """Verifies tokens of persons.

    Args:
        clock: judges their times.
        issued: verifies those of identity providers; None where that is not installed.
    """

    def __init__(self, clock: TokenClock, issued: IssuedTokens | None) -> None:
        self._clock = clock
        self._issued = issued

    def verified(self, configured: Lookup, token: str) -> PersonToken:
        """Return what a token says.

        Args:
            configured: finds the application with its keys and identity providers.
            token: the encoded token.

        Raises:
            Refused: it is malformed, signed by nobody who may, or a claim is wrong. The response
                names the claim, and neither the right key nor the right person.
            KeysWanted: the keys of the identity provider have to be fetched first.
        """
        try:
            header, claimed = unverified(token)
            # The kind of key follows from the algorithm: a public key is never a secret.
            if header.get("alg") in ALGORITHMS:
                return self._of_service(configured, header, claimed, token)
            return self._of_issuer(configured, claimed, token)
        except InvalidToken as error:
            raise Refused(401, "UNAUTHORIZED", f"the token is not valid: {error}") from None
        except IssuerUnavailable as error:
            raise Refused(UNAVAILABLE, "ISSUER_UNAVAILABLE", str(error)) from None

    def _of_service(
        self,
        configured: Lookup,
        header: Mapping[str, Any],
        claimed: Mapping[str, Any],
        token: str,
    ) -> PersonToken:
        application, secret = signer_of(configured, header, claimed)
        claims = signed_by(secret, ALGORITHMS, token)
        self._clock.check(claims)
        if claims.get("aud"):
            raise InvalidToken("aud is given, and no audience is expected")
        return PersonToken(application, external_id(claims, "sub"), vouched_by(claims))

    def _of_issuer(self, configured: Lookup, claimed: Mapping[str, Any], token: str) -> PersonToken:
        application, issuer = trusting(configured, claimed)
        if self._issued is None:
            raise IssuerUnavailable("issuers need more: pip install 'addressee[oidc]'")
        claims = self._issued.claims(token, issuer)
        return PersonToken(application, external_id(claims, issuer.claim), vouched_by(claims))


def issued_tokens(
    clock: TokenClock, keys: IssuerKeys | None, logger: logging.Logger
) -> IssuedTokens | None:
    """Return a verifier of identity providers' tokens; None where that is not installed.

    Args:
        clock: judges the times in tokens.
        keys: finds the providers' keys; None makes a cache of them.
        logger: receives failures of that cache.
    """
    try:
        from addressee.adapters.tokens.issued_tokens import IssuedTokens  # noqa: PLC0415 # an extra
        from addressee.adapters.tokens.issuer_keys import IssuerKeys  # noqa: PLC0415 # likewise
    except ImportError:
        return None
    return IssuedTokens(keys or IssuerKeys(logger=logger), clock)


def signer_of(
    configured: Lookup, header: Mapping[str, Any], claimed: Mapping[str, Any]
) -> tuple[MobileApp, bytes]:
    """Return the application and the key that a token names; raises InvalidToken."""
    key_id: object = header.get("kid")
    code: object = claimed.get(APPLICATION)
    application = configured.application(code) if isinstance(code, str) else None
    secret = application.secret(key_id) if application and isinstance(key_id, str) else None
    if application is None or secret is None:
        raise InvalidToken(f"no application has this {APPLICATION} and kid")
    return application, secret


def trusting(configured: Lookup, claimed: Mapping[str, Any]) -> tuple[MobileApp, TokenIssuer]:
    """Return the application that a token of an identity provider is for; raises InvalidToken.

    Providers know no application codes, so that audiences tell applications apart. Where two trust
    the same issuer and audience, the token has to name one.
    """
    name: object = claimed.get("iss")
    applications = configured.trusting(name) if isinstance(name, str) else ()
    code: object = claimed.get(APPLICATION)
    found = [
        (application, issuer)
        for application in applications
        if code is None or code == application.code
        for issuer in application.issuers
        if issuer.issuer == name and has_audience(claimed, issuer)
    ]
    if not found:
        raise InvalidToken(UNTRUSTED)
    if len(found) > 1:
        problem = f"several applications trust its iss and aud, and {APPLICATION} names none"
        raise InvalidToken(problem)
    return found[0]


def external_id(claims: Mapping[str, Any], name: str) -> str:
    """Return the external id in a verified claim; raises InvalidToken."""
    subject: object = claims.get(name)
    if not isinstance(subject, str) or not subject:
        raise InvalidToken(f"{name} should be the external id")
    return subject


def vouched_by(claims: Mapping[str, Any]) -> Identity:
    """Return the contacts that verified claims vouch for, without those that can't be read."""

    def contacts(name: str, read: Callable[[Any], Sequence[str]]) -> Sequence[str]:
        if name not in claims or claims.get(f"{name}_verified") is not True:
            return ()
        try:
            return read(claims[name])
        except AddresseeError:  # the sign-in goes on, as without other contacts (R55)
            return ()

    return Identity(
        msisdns=contacts("phone_number", lambda given: Identity(msisdns=[given]).msisdns),
        emails=contacts("email", lambda given: Identity(emails=[given]).emails),
    )
