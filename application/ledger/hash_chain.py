"""The chain of hashes over a ledger: its end shows whether anything before it was changed.

What goes in is what a store keeps, byte by byte, and not what it means: personal data that is
encrypted under a person's own key can be made unreadable by forgetting the key, and the chain still
holds. docs/audit.md says how to compute it without this file.
"""

from __future__ import annotations

from hashlib import sha256

from ..ports.records import Stored

START = bytes(32)
"""The digest of an empty ledger."""


def link(digest: bytes, event: Stored) -> bytes:
    """Return the digest of a ledger that ends with an event.

    Args:
        digest: of the same ledger without it; `START` where it is the first.
        event: the last one.
    """
    *columns, state = event
    fields = (*map(as_bytes, columns), state)
    return sha256(digest + b"".join(b"%d:%b," % (len(each), each) for each in fields)).digest()


def as_bytes(value: object) -> bytes:
    """Return a column's value as it goes into the digest.

    SQLite also stores values of other types in a column, in a statement by hand: they differ here.
    """
    return (value if isinstance(value, str) else repr(value)).encode()
