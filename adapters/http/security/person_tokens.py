"""Tokens by which a person's own service vouches for the person (JWT)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt

from addressee.application import Configured
from addressee.domain import MobileApp

from ..messages.error_responses import Refused

ALGORITHMS = ["HS256", "HS384", "HS512"]
"""What a token may be signed with; none of them is ``none``."""
APPLICATION = "infobip-api-key"
"""The claim that names the application, as the SDK's documentation writes it."""

# Its type is known only where a package is installed that we need for nothing.
decode: Callable[..., dict[str, Any]] = jwt.decode  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def verified(configured: Configured, token: str) -> tuple[MobileApp, str]:
    """Return the application and the external id that a token speaks for.

    Args:
        configured: finds the application, whose keys count.
        token: as it came.

    Raises:
        Refused: it is malformed, expired, or signed by nobody whom the application trusts. The
            answer does not say which key or person would have been right.
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
