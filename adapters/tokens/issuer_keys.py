"""The public keys of identity providers: cached, and fetched again within bounds."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from threading import Lock
from urllib.parse import urlsplit

from .claims import InvalidToken, IssuerUnavailable, KeysWanted
from .documents import Documents, DocumentUnavailable
from .key_sets import ALGORITHMS, KeyName, KeySetInvalid, PublicKey, key_set

FRESH = 300.0
"""Age at which keys are fetched again while they are used, in seconds."""
LONGEST = 3600.0
"""Age at which keys that can't be fetched again count no more, in seconds."""
PAUSE = 10.0
"""Least time between two fetches of one set, in seconds."""
FETCHERS = 8
"""Most sets that are fetched at once."""


@dataclass(slots=True)
class CachedSet:
    """One key set and its last fetch; times are those of the timer."""

    keys: Mapping[KeyName, PublicKey] = field(default_factory=dict[KeyName, PublicKey])
    fetched: float = float("-inf")
    tried: float = float("-inf")
    failed: bool = False
    running: Future[None] | None = None


class IssuerKeys:
    """Finds the public keys of issuers, and fetches each key set at most once in a while.

    A key that is unknown makes the set be fetched again, for an issuer may have changed its keys;
    unknown keys in any number cause one fetch in ``pause`` seconds.

    Args:
        documents: reads key sets.
        timer: gives seconds that only grow.
        fresh: age at which keys are fetched again while they are used, in seconds.
        longest: age at which keys that can't be fetched again count no more, in seconds.
        pause: least time between two fetches of one set, in seconds.
        logger: receives failures, with the host of the URL alone.

    Attributes:
        documents: reads key sets, and whatever else providers have.
        fetches: how many fetches were ``fetched`` and ``failed`` so far.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor, every part with a default
        self,
        documents: Documents | None = None,
        *,
        timer: Callable[[], float] = time.monotonic,
        fresh: float = FRESH,
        longest: float = LONGEST,
        pause: float = PAUSE,
        logger: logging.Logger | None = None,
    ) -> None:
        self.documents = documents or Documents()
        self._timer = timer
        self._fresh = fresh
        self._longest = longest
        self._pause = pause
        self._logger = logger or logging.getLogger("addressee")
        self.fetches = Counter[str](fetched=0, failed=0)
        self._lock = Lock()
        self._sets: dict[str, CachedSet] = {}

    def key(self, jwks: str, name: KeyName) -> PublicKey:
        """Return a key without waiting.

        Args:
            jwks: URL of the key set.
            name: what the token's header says.

        Raises:
            KeysWanted: the set has to be fetched first.
            IssuerUnavailable: the last fetch failed, and the next is not due.
            InvalidToken: the set has no such key.
        """
        if name.algorithm not in ALGORITHMS:
            raise InvalidToken(f"alg is none of {', '.join(ALGORITHMS)}")
        with self._lock:
            cached = self._sets.setdefault(jwks, CachedSet())
            now = self._timer()
            age = now - cached.fetched
            due = cached.running is not None or now - cached.tried >= self._pause
            found = cached.keys.get(name) if age < self._longest else None
            failed = cached.failed
        if found is None and due:
            raise KeysWanted(jwks, partial(self.fetch, jwks))
        if found is None and failed:
            raise IssuerUnavailable("the keys of the issuer can't be fetched")
        if found is None:
            raise InvalidToken("the issuer has no key with this kid and alg")
        if due and age >= self._fresh:
            self.fetch(jwks)
        return found

    def fetch(self, jwks: str) -> Future[None]:
        """Fetch a key set in a thread, once for all who ask meanwhile.

        The result comes when the fetch is over, also if it has failed: `key` says so then.
        """
        with self._lock:
            cached = self._sets.setdefault(jwks, CachedSet())
            if cached.running is None:
                cached.running = self._threads.submit(self._fetch, jwks, cached)
            return cached.running

    def _fetch(self, jwks: str, cached: CachedSet) -> None:
        found: Mapping[KeyName, PublicKey] | None = None
        try:
            found = key_set(self.documents.read(jwks))
        except (DocumentUnavailable, KeySetInvalid) as error:
            host = urlsplit(jwks).hostname or "a file"
            self._logger.warning("a key set of %s was not fetched: %s", host, error)
        finally:
            with self._lock:
                cached.tried = self._timer()
                cached.failed = found is None
                cached.running = None
                if found is not None:
                    cached.keys, cached.fetched = found, cached.tried
                self.fetches["failed" if found is None else "fetched"] += 1

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        """Threads of their own, made at the first fetch: a process may have forked until then."""
        return ThreadPoolExecutor(FETCHERS, "addressee-issuer-keys")
