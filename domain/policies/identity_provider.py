"""An identity provider that an application trusts to name persons in signed tokens."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator

from .. import values
from ..errors import InvalidValue
from ..limits import AUDIENCES, NAME, URL
from .base_settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts whose keys may come without TLS: nobody is between them and the service."""


class TokenIssuer(Settings):
    """An identity provider, the place of its public keys, and which of its tokens count.

    Args:
        issuer: the claim ``iss`` of its tokens, compared exactly.
        jwks: URL of its JSON Web Key Set (RFC 7517, section 5): ``https:``, ``file:`` with an
            absolute path, or ``http:`` on the loopback interface.
        audiences: the accepted values of ``aud``, of which a token has at least one (RFC 7519,
            section 4.1.3). Without this check a token that the provider issued to another service
            would sign in here.
        claim: name of the claim with the external id of the person.

    Raises:
        InvalidValue, LimitExceeded: a setting is unknown, malformed or out of bounds.
    """

    issuer: str
    jwks: str
    audiences: Annotated[tuple[str, ...], Field(strict=False)]
    claim: str = "sub"

    @field_validator("issuer", mode="before")
    @classmethod
    def _issuer(cls, value: object) -> str:
        return values.identifier("issuer", value, URL)

    @field_validator("jwks", mode="before")
    @classmethod
    def _jwks(cls, value: object) -> str:
        return key_set_url(values.identifier("jwks", value, URL))

    @field_validator("audiences", mode="before")
    @classmethod
    def _audiences(cls, value: object) -> tuple[str, ...]:
        given = values.items("audiences", value, AUDIENCES)
        if not given:
            raise InvalidValue("audiences", "should name at least one audience")
        return tuple(values.identifier(f"audiences[{n}]", v, URL) for n, v in enumerate(given))

    @field_validator("claim", mode="before")
    @classmethod
    def _claim(cls, value: object) -> str:
        return values.text("claim", value, NAME, least=1)


def key_set_url(url: str) -> str:
    """Return the URL of a key set if keys may come from there; raises InvalidValue."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidValue("jwks", "should be a URL") from None
    if parts.username is not None or parts.fragment or port == 0 or not allowed(parts):
        raise InvalidValue(
            "jwks", "should be a URL with https, a file: URL, or http on the loopback interface"
        )
    return url


def allowed(parts: SplitResult) -> bool:
    """Whether nobody on the way can replace what comes from a URL."""
    match parts.scheme:
        case "https":
            return bool(parts.hostname)
        case "http":
            return parts.hostname in LOOPBACK
        case "file":
            return not parts.netloc and parts.path.startswith("/") and not parts.query
        case _:
            return False
