"""Applications and keys in a cache for running services, at most a second old."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from addressee.domain import InvalidValue, MobileApp, values

from ..ports.accounts import ApiKey, Applications

V = TypeVar("V")
FRESH = 1.0
"""How long an answer is used, in seconds; a revoked key works so much longer."""
MOST = 10_000
"""Most answers in the cache."""


class Remembered(Generic[V]):
    """Caches what was found; a miss is looked up every time."""

    def __init__(self, find: Callable[[str], V | None], timer: Callable[[], float]) -> None:
        self._find = find
        self._timer = timer
        self._lock = Lock()
        self._found: dict[str, tuple[float, V]] = {}

    def __call__(self, name: str) -> V | None:
        """Return what there is under a name."""
        now = self._timer()
        known = self._found.get(name)
        if known is not None and now < known[0]:
            return known[1]
        found = self._find(name)
        with self._lock:
            self._found.pop(name, None)
            if found is not None:
                if len(self._found) >= MOST:
                    self._found.clear()
                self._found[name] = now + FRESH, found
        return found


class Configured:
    """Finds applications and keys, each read from the store at most once a second.

    Args:
        applications: where they are stored.
        timer: gives seconds that only grow.
    """

    def __init__(
        self, applications: Applications, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self.applications = applications
        self._application = Remembered(applications.get, timer)
        self.key: Callable[[str], ApiKey | None] = Remembered(applications.key, timer)

    def application(self, code: str) -> MobileApp | None:
        """Return an application, or None where there is none or the code can't be one."""
        try:
            name = values.identifier("application", code)
        except InvalidValue:
            return None
        return self._application(name)
