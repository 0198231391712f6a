"""Keys in the memory of one process: for tests, and the example for authors of key stores."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from threading import Lock

from addressee.application import Key

from .new_keys import fingerprint_of, random_keys


class MemoryKeyStore:
    """A key store that ends with its process; `KeyStore` says what each method gives."""

    def __init__(self) -> None:
        self._secrets: dict[str, bytes | None] = {}
        self._fingerprints: dict[str, str] = {}
        self._destroyed = 0
        self._lock = Lock()

    def new_keys(self, count: int) -> Sequence[Key]:
        """Make keys."""
        made = random_keys(count)
        with self._lock:
            self._secrets |= dict(made)
        return made

    def find(self, ids: Collection[str]) -> Mapping[str, bytes | None]:
        """Return id → secret."""
        known = self._secrets
        return {name: known[name] for name in ids if name in known}

    def put(self, keys: Mapping[str, bytes | None]) -> int:
        """Add keys of another key store; those that are there stay as they are."""
        with self._lock:
            before = len(self._secrets)
            self._secrets = {**keys, **self._secrets}
            return len(self._secrets) - before

    def destroy(self, ids: Collection[str]) -> Mapping[str, str]:
        """Destroy keys."""
        with self._lock:
            for name in ids:
                secret = self._secrets.get(name)
                if secret is not None or name not in self._secrets:
                    self._fingerprints[name] = fingerprint_of(secret)
                    self._secrets[name] = None
            self._destroyed += 1
            return {name: self._fingerprints[name] for name in ids}

    def gone(self) -> Collection[str]:
        """Return the ids of the keys that were destroyed."""
        return [name for name, secret in list(self._secrets.items()) if secret is None]

    def destroyed(self) -> int:
        """Return how often keys were destroyed."""
        return self._destroyed
