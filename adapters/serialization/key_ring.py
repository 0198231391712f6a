"""The keys at hand: a cache of those in use, and some that are made ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Mapping
from threading import Lock

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from addressee.application import Key, KeyStore
from addressee.application.caching.bounded_cache import BoundedCache

AHEAD = 64
MOST_AHEAD = 4096
"""How many keys are made at once, first and at most: a command that needs a new one seldom waits
for the key store's disk."""
CACHE_BYTES = 16 << 20
CIPHER_BYTES = 1_000
"""About how many bytes a cached cipher takes."""


class KeyRing:
    """Gives ciphers (AES-256-GCM) for keys.

    Args:
        keys: where they are.
    """

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._destroyed: int | None = None
        self._renew()

    def _renew(self) -> None:
        """Begin without keys: a process that was forked must not use the other one's."""
        self._process = os.getpid()
        self._ciphers: BoundedCache[str, AESGCM] = BoundedCache(CACHE_BYTES)
        self._ahead: deque[Key] = deque()
        self._more = AHEAD
        self._lock = Lock()

    def fresh(self) -> str:
        """Return the id of a key that nothing is sealed with yet; raises StoreUnavailable."""
        self._renew_after_fork()
        while True:
            try:
                key = self._ahead.popleft()  # atomic
            except IndexError:
                with self._lock:
                    if not self._ahead:
                        self._ahead.extend(self._keys.new_keys(self._more))
                        self._more = min(2 * self._more, MOST_AHEAD)
            else:
                self._ciphers.put(key.id, AESGCM(key.secret), CIPHER_BYTES)
                return key.id

    def _renew_after_fork(self) -> None:
        if self._process != os.getpid():
            self._renew()

    def cached(self, key: str) -> AESGCM | None:
        """Return the cipher of a key if it is at hand, for sealing.

        It does not ask whether the key was destroyed: who seals has read the stream, and an erasure
        is recorded there first.
        """
        return self._ciphers.get(key)

    def ciphers(self, keys: Collection[str]) -> Mapping[str, AESGCM | None]:
        """Return key → its cipher as of now; None if it was destroyed, no entry if it is missing.

        Raises:
            StoreUnavailable: the key store can't be reached.
        """
        self._renew_after_fork()
        destroyed = self._keys.destroyed()
        if destroyed != self._destroyed:
            self._ciphers = BoundedCache(CACHE_BYTES)
            self._destroyed = destroyed
        found: dict[str, AESGCM | None] = {}
        missing: list[str] = []
        for key in keys:
            if (cipher := self._ciphers.get(key)) is None:
                missing.append(key)
            else:
                found[key] = cipher
        if missing:
            for key, secret in self._keys.find(missing).items():
                found[key] = cipher = None if secret is None else AESGCM(secret)
                if cipher is not None:
                    self._ciphers.put(key, cipher, CIPHER_BYTES)
        return found
