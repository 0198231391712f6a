"""Cookies whose content the browser can read and not change."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def signed(secret: bytes, name: str, content: Mapping[str, object]) -> str:
    """Return the value of a cookie.

    Args:
        secret: what it is signed with.
        name: of the cookie: the value of one counts for no other.
        content: what can be written as JSON.
    """
    text = urlsafe_b64encode(json.dumps(content).encode()).decode()
    return f"{text}.{digest(secret, f'{name} {text}').hex()}"


def content_of(secret: bytes, name: str, value: str | None) -> dict[str, Any] | None:
    """Return the content of a cookie's value; None if it is forged or missing."""
    text, _, signature = (value or "").partition(".")
    expected = digest(secret, f"{name} {text}").hex()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return None
    content: dict[str, Any] = json.loads(urlsafe_b64decode(text))
    return content


def digest(secret: bytes, text: str) -> bytes:
    """Return the HMAC-SHA-256 of a text."""
    return hmac.digest(secret, text.encode(), sha256)
