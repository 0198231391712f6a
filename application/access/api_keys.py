"""API keys: made once, shown once, and recognized by a stored digest."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from hashlib import sha256

from addressee.domain import UnknownApplication, values

from ..ports.applications import ApiKey, Applications, Scope

NAME_BYTES = 8
NAME = re.compile("[0-9a-f]{16}")


def issue_key(
    applications: Applications, application: str, scope: Scope, *, alone: bool = False
) -> str:
    """Make an API key and return it; it can't be read again.

    The secret is 256 random bits, so one round of SHA-256 protects the stored digest.

    Args:
        applications: where the digest is stored.
        application: the code of the application that it counts for.
        scope: what it may do.
        alone: whether older keys of that application and scope end with this.

    Raises:
        UnknownApplication: there is no such application.
        InvalidValue: there is no such scope.
    """
    checked: Scope = values.choice("scope", scope, Scope)
    if applications.get(application) is None:
        raise UnknownApplication(application)
    name, secret = secrets.token_hex(NAME_BYTES), secrets.token_urlsafe(32)
    key = ApiKey(name, application, checked, digest(secret))
    applications.put_key(key, alone=alone)
    return f"{name}.{secret}"


def recognized(find: Callable[[str], ApiKey | None], presented: str) -> ApiKey | None:
    """Return the stored part of a presented key, or None; in constant time.

    Args:
        find: returns a key by its name; `Applications.key`, or a cache of it.
        presented: the whole key.
    """
    name, _, secret = values.instance("key", presented, str).partition(".")
    key = find(name) if NAME.fullmatch(name) else None
    # Compared also where there is no such key, so that time does not tell which names exist.
    holds = hmac.compare_digest(digest(secret), key.digest if key else b"\0" * 32)
    return key if holds else None


def digest(secret: str) -> bytes:
    """Return the digest of a secret that is stored."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
