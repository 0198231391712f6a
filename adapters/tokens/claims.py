"""Claims of JSON web tokens (RFC 7519), judged one by one so that an error can name the claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import jwt

from addressee.domain import TokenIssuer

LEEWAY = 30.0
TIMES = ("exp", "nbf", "iat")
FAR = 10**12
"""A later time, in seconds, is no time."""
LONGEST = 16_384
"""Longest encoded token, in characters."""
MALFORMED = (jwt.PyJWTError, ValueError, RecursionError)
"""What a token that can't be read makes the decoder raise."""
SIGNATURE_ONLY = dict.fromkeys(
    ("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_sub", "verify_jti"), False
)

# Its type is known only with a package that nothing else needs.
decode: Callable[..., dict[str, Any]] = jwt.decode  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class InvalidToken(Exception):
    """A token is not valid; the text says why, without its content."""


class KeysWanted(Exception):
    """The keys of an issuer have to be fetched before a token can be judged.

    Args:
        jwks: URL of the key set.
        fetch: begins to fetch it in a thread, or joins the fetch that runs; the result comes at
            its end, also if it has failed.
    """

    def __init__(self, jwks: str, fetch: Callable[[], Future[None]]) -> None:
        super().__init__("the keys of the issuer have to be fetched")
        self.jwks = jwks
        self.fetch = fetch


class IssuerUnavailable(Exception):
    """The keys of an issuer can't be fetched, so that nobody knows whether a token is valid."""


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


def unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return header and claims that nobody has vouched for; raises InvalidToken."""
    if len(token) > LONGEST:
        raise InvalidToken(f"it is longer than {LONGEST:,} characters")
    try:
        return jwt.get_unverified_header(token), decode(token, options={"verify_signature": False})
    except MALFORMED:
        raise InvalidToken("it is malformed") from None


def signed_by(key: Any, algorithms: list[str], token: str) -> dict[str, Any]:  # noqa: ANN401 # bytes, or a key of the cipher library
    """Return the claims of a token that a key has signed; raises InvalidToken.

    Args:
        key: the secret or public key.
        algorithms: those that the key is for; the token can't choose another.
        token: the encoded token.
    """
    try:
        return decode(token, key, algorithms, options=SIGNATURE_ONLY)
    except jwt.InvalidSignatureError:
        problem = "its signature is wrong"
    except MALFORMED:
        problem = f"it is malformed, or alg is not {' or '.join(algorithms)}"
    raise InvalidToken(problem)


def has_audience(claims: Mapping[str, Any], issuer: TokenIssuer) -> bool:
    """Whether claims are for one of the audiences that are accepted of an issuer."""
    given: object = claims.get("aud")
    named = cast("list[object]", given) if isinstance(given, list) else [given]
    return any(each in issuer.audiences for each in named)


def seconds(name: str, value: object) -> float:
    """Return a time in seconds since 1970; raises InvalidToken."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < FAR:
        raise InvalidToken(f"{name} should be a number of seconds since 1970")
    return value
