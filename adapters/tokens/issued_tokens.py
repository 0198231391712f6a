"""Tokens that identity providers have signed (RFC 7519, RFC 8725)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from addressee.domain import TokenIssuer

from .claims import (
    InvalidToken,
    IssuerUnavailable,
    KeysWanted,
    TokenClock,
    has_audience,
    signed_by,
    unverified,
)
from .documents import TIMEOUT
from .issuer_keys import IssuerKeys
from .key_sets import KeyName

PATIENCE = 2 * TIMEOUT
TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""Types of tokens that name a person; a logout token does not (RFC 8725, section 3.11).

It may have none of its own, but always has the claim ``events`` (RFC 8417, section 2.2)."""


class IssuedTokens:
    """Verifies the tokens of identity providers.

    Args:
        keys: finds the public keys of issuers.
        clock: judges the times in tokens (R47).
        patience: longest wait for an issuer's keys in `fetched_claims`, in seconds.
    """

    def __init__(self, keys: IssuerKeys, clock: TokenClock, *, patience: float = PATIENCE) -> None:
        self.keys = keys
        self._clock = clock
        self._patience = patience

    def claims(self, token: str, issuer: TokenIssuer) -> Mapping[str, Any]:
        """Return the verified claims of a token, without waiting.

        Signature, issuer, audience and times are checked, no other claim: not ``nonce``, for one.

        Args:
            token: the encoded token.
            issuer: the identity provider that should have issued it.

        Raises:
            InvalidToken: it is malformed, or signed by nobody who may, or a claim is wrong.
            KeysWanted: the issuer's keys have to be fetched first.
            IssuerUnavailable: they can't be fetched.
        """
        header, claimed = unverified(token)
        kind = header.get("typ", "")
        if "crit" in header or not isinstance(kind, str) or kind.lower() not in TYPES:
            raise InvalidToken("typ is not JWT or at+jwt, or crit is given")
        # Checked first too, so that a token for others fetches no keys.
        check_names(claimed, issuer)
        kid, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(kid, str) or not isinstance(algorithm, str):
            raise InvalidToken("kid or alg is missing")
        key = self.keys.key(issuer.jwks, KeyName(kid, algorithm))
        claims = signed_by(key, [algorithm], token)
        if "events" in claims:
            raise InvalidToken("it tells of an event, and names nobody who signs in")
        check_names(claims, issuer)
        self._clock.check(claims)
        return claims

    def fetched_claims(self, token: str, issuer: TokenIssuer) -> Mapping[str, Any]:
        """Return the verified claims of a token, in a thread that may wait for the issuer's keys.

        Raises:
            InvalidToken: as `claims`.
            IssuerUnavailable: the issuer's keys can't be fetched.
        """
        try:
            return self.claims(token, issuer)
        except KeysWanted as wanted:
            with suppress(TimeoutError):
                wanted.fetch().result(self._patience)
        try:
            return self.claims(token, issuer)
        except KeysWanted:
            raise IssuerUnavailable("the keys of the issuer can't be fetched in time") from None


def check_names(claims: Mapping[str, Any], issuer: TokenIssuer) -> None:
    """Raise InvalidToken unless an issuer has issued claims for one of its audiences."""
    if claims.get("iss") != issuer.issuer:
        raise InvalidToken("iss is another issuer")
    if not has_audience(claims, issuer):
        raise InvalidToken("aud is another audience")
