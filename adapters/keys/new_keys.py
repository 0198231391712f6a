"""Making keys, and telling them apart without showing them."""

from __future__ import annotations

import secrets

from addressee.application import Key
from addressee.domain import keyed_hash

ID_BYTES = 8
KEY_BYTES = 32
"""Of AES-256."""


def random_keys(count: int) -> list[Key]:
    """Return keys of random ids: a key that is made after a backup was restored is another one."""
    return [Key(secrets.token_hex(ID_BYTES), secrets.token_bytes(KEY_BYTES)) for _ in range(count)]


def fingerprint_of(secret: bytes | None) -> str:
    """Return a fingerprint that does not reveal the key; empty for none."""
    return "" if secret is None else keyed_hash(secret, "personal data key")
