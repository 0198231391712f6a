"""The keys at hand: a cache of those in use, and some that are made ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Mapping
from threading import Lock
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from addressee.application import Key, KeyStore
from addressee.application.caching.bounded_cache import BoundedCache
from addressee.application.caching.by_epoch import ByEpoch

AHEAD = 64
MOST_AHEAD = 4096
"""How many keys are made at once, first and at most: a command that needs a new one seldom waits
for the key store's disk."""
CACHE_BYTES = 16 << 20
CIPHER_BYTES = 1_000
"""About how many bytes a cached cipher takes."""


class Opened(NamedTuple):
    """Ciphers that were looked up since keys were destroyed so often."""

    destroyed: int | None
    ciphers: BoundedCache[str, AESGCM]


class Ahead:
    """Keys that are made ahead, and how many are made the next time."""

    def __init__(self) -> None:
        self.keys = deque[Key]()
        self.more = AHEAD


class KeyRing:
    """Gives ciphers (AES-256-GCM) for keys.

    Args:
        keys: where they are.
    """

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._renew()

    def _renew(self) -> None:
        """Begin without keys: a process that was forked must not use the other one's."""
        self._opened = Opened(None, BoundedCache(CACHE_BYTES))
        self._ahead = ByEpoch(Ahead)
        self._lock = Lock()
        self._process = os.getpid()  # last: another thread may be about to take a key

    def fresh(self, epoch: int = 0) -> tuple[str, AESGCM]:
        """Return a key that nothing is sealed with yet: id and cipher; raises StoreUnavailable.

        Args:
            epoch: of the store; a failover that lost commands may have lost the keys of others.
        """
        self._renew_after_fork()
        ahead = self._ahead.at(epoch)
        while True:
            try:
                key = ahead.keys.popleft()  # atomic
            except IndexError:
                with self._lock:
                    if not ahead.keys:
                        ahead.keys.extend(self._keys.new_keys(ahead.more))
                        ahead.more = min(2 * ahead.more, MOST_AHEAD)
            else:
                cipher = AESGCM(key.secret)
                self._opened.ciphers.put(key.id, cipher, CIPHER_BYTES)
                return key.id, cipher

    def _renew_after_fork(self) -> None:
        if self._process != os.getpid():
            self._renew()

    def cached(self, key: str) -> AESGCM | None:
        """Return the cipher of a key if it is at hand, for sealing.

        It does not ask whether the key was destroyed: who seals has read the stream, and an erasure
        is recorded there first.
        """
        return self._opened.ciphers.get(key)

    def ciphers(self, keys: Collection[str]) -> Mapping[str, AESGCM | None]:
        """Return key → its cipher as of now; None if it was destroyed, no entry if it is missing.

        Raises:
            StoreUnavailable: the key store can't be reached.
        """
        self._renew_after_fork()
        destroyed = self._keys.destroyed()
        opened = self._opened
        if destroyed != opened.destroyed:
            self._opened = opened = Opened(destroyed, BoundedCache(CACHE_BYTES))
        # From here on not self._opened: another thread may renew it after an erasure, and a key
        # that this one has looked up before must not get there.
        found: dict[str, AESGCM | None] = {}
        missing: list[str] = []
        for key in keys:
            if (cipher := opened.ciphers.get(key)) is None:
                missing.append(key)
            else:
                found[key] = cipher
        if missing:
            for key, secret in self._keys.find(missing).items():
                found[key] = cipher = None if secret is None else AESGCM(secret)
                if cipher is not None:
                    opened.ciphers.put(key, cipher, CIPHER_BYTES)
        return found
