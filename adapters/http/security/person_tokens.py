"""JSON web tokens in which a service names the person who uses a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt

from addressee.application import Configured
from addressee.domain import MobileApp

from ..messages.error_responses import Refused

ALGORITHMS = ["HS256", "HS384", "HS512"]
"""Accepted signature algorithms; ``none`` is not among them."""
APPLICATION = "infobip-api-key"
"""The claim with the application code, as the SDK's documentation writes it."""

# Its type is known only with a package that nothing else needs.
decode: Callable[..., dict[str, Any]] = jwt.decode  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def verified(configured: Configured, token: str) -> tuple[MobileApp, str]:
    """Return the application and the external id of a token.

    Args:
        configured: finds the application and its keys.
        token: the encoded token.

    Raises:
        Refused: it is malformed, expired, or not signed with a key of the application. The
            response does not name the right key or person.
    """
    try:
        key_id: object = jwt.get_unverified_header(token).get("kid")
        code: object = decode(token, options={"verify_signature": False}).get(APPLICATION)
        application = configured.application(code) if isinstance(code, str) else None
        secret = application.secret(key_id) if application and isinstance(key_id, str) else None
        if application is None or secret is None:
            raise Refused(401, "UNAUTHORIZED", "the token's key or application is not known")
        claims = decode(token, secret, ALGORITHMS, options={"require": ["exp", "sub"]})
    except jwt.ExpiredSignatureError:
        raise Refused(401, "UNAUTHORIZED", "the token has expired") from None
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise Refused(401, "UNAUTHORIZED", "the token is not valid") from None
    return application, str(claims["sub"])
