"""What the erasures of persons and of installations have in common (R50, R51)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from addressee.domain import StoreNotSealed

from ..ports.keys import KeyStore, SealedStore
from ..ports.store import Store

OUTSIDE = (
    "backups of the key store, until they are deleted",
    "files, logs, replicas and backups of a server's key table, until they are overwritten",
    "facts that were relayed to other services",
    "exports that were handed out, and ledgers that were exported in clear",
    "push services, and the logs of your own services",
)
"""What no erasure here reaches."""
RETENTION = "policy:retention"
"""The actor where a policy of the applications erases."""


def sealed_with(store: Store) -> tuple[SealedStore, KeyStore]:
    """Return a store and its keys; raises StoreNotSealed."""
    if not isinstance(store, SealedStore) or store.keys is None:
        raise StoreNotSealed
    return store, store.keys


def destroyed(keys: KeyStore, lost: Iterable[str]) -> str:
    """Destroy keys for good, and return one fingerprint of them all."""
    fingerprints = keys.destroy(sorted({*lost}))
    return sha256("\n".join(sorted(fingerprints.values())).encode()).hexdigest()
