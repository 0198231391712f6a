"""Applications and keys in a cache for running services, at most a second old."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Generic, Protocol, TypeVar

from addressee.domain import InvalidValue, MobileApp, values

from ..ports.applications import ApiKey, Applications

V = TypeVar("V")
Trusting = Mapping[str, Sequence[MobileApp]]
EVERY = ""
"""The one name under which all issuers are cached: an unknown one reads the store no more often."""
FRESH = 1.0
"""How long an answer is used, in seconds; a revoked key works so much longer."""
MOST = 10_000
"""Most answers in the cache."""


class Remembered(Generic[V]):
    """Caches what was found; a miss is looked up every time."""

    def __init__(self, find: Callable[[str], V], timer: Callable[[], float]) -> None:
        self._find = find
        self._timer = timer
        self._lock = Lock()
        self._found: dict[str, tuple[float, V]] = {}

    def __call__(self, name: str) -> V:
        """Return what there is under a name."""
        now = self._timer()
        try:
            return self.cached(name)
        except KeyError:
            found = self._find(name)
        with self._lock:
            self._found.pop(name, None)
            if found is not None:
                if len(self._found) >= MOST:
                    self._found.clear()
                self._found[name] = now + FRESH, found
        return found

    def forget(self) -> None:
        """Look everything up again."""
        with self._lock:
            self._found.clear()

    def cached(self, name: str) -> V:
        """Return what the cache has under a name; raises KeyError if it has nothing fresh."""
        until, found = self._found[name]
        if self._timer() >= until:
            raise KeyError(name)
        return found


class Lookup(Protocol):
    """Find applications and keys."""

    def application(self, code: str) -> MobileApp | None:
        """Return an application, or None where there is none or the code can't be one."""
        ...

    def key(self, name: str) -> ApiKey | None:
        """Return a key, or None where there is none."""
        ...

    def trusting(self, issuer: str) -> Sequence[MobileApp]:
        """Return the applications that trust an identity provider, by the name of its tokens."""
        ...


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
        self._applications = Remembered(applications.get, timer)
        self._keys = Remembered(applications.key, timer)
        self._issuers = Remembered(lambda _: by_issuer(applications.all()), timer)
        self._secret = Remembered(lambda _: applications.session_secret(), timer)
        self._ended = Remembered(lambda _: applications.ended_sessions(), timer)
        self.cached: Lookup = CachedOnly(self._applications, self._keys, self._issuers)
        """The same without waiting: what is not in the cache raises KeyError."""

    def application(self, code: str) -> MobileApp | None:
        """Return an application, or None where there is none or the code can't be one."""
        try:
            name = values.identifier("application", code)
        except InvalidValue:
            return None
        return self._applications(name)

    def key(self, name: str) -> ApiKey | None:
        """Return a key, or None where there is none."""
        return self._keys(name)

    def trusting(self, issuer: str) -> Sequence[MobileApp]:
        """Return the applications that trust an identity provider, by the name of its tokens."""
        return self._issuers(EVERY).get(issuer, ())

    def session_secret(self) -> bytes:
        """Return the secret that sessions of operators are signed with."""
        return self._secret(EVERY)

    def end_session(self, session: str, until: int, now: int) -> None:
        """End a session of an operator, here at once and elsewhere within a second.

        Args:
            session: its id.
            until: when it would have been over anyway, in seconds since 1970.
            now: the current time, likewise.
        """
        self.applications.end_session(session, until, now)
        self._ended.forget()

    def has_ended(self, session: str) -> bool:
        """Return whether an operator has signed out of a session."""
        return session in self._ended(EVERY)


class CachedOnly:
    """Finds applications and keys in their caches; raises KeyError for any other.

    Args:
        applications: a cache.
        keys: a cache.
        issuers: a cache.
    """

    def __init__(
        self,
        applications: Remembered[MobileApp | None],
        keys: Remembered[ApiKey | None],
        issuers: Remembered[Trusting],
    ) -> None:
        self._applications = applications
        self._keys = keys
        self._issuers = issuers

    def application(self, code: str) -> MobileApp | None:
        """Return an application; raises KeyError where the cache has none."""
        return self._applications.cached(code)

    def key(self, name: str) -> ApiKey | None:
        """Return a key; raises KeyError where the cache has none."""
        return self._keys.cached(name)

    def trusting(self, issuer: str) -> Sequence[MobileApp]:
        """Return the applications that trust an identity provider; raises KeyError likewise."""
        return self._issuers.cached(EVERY).get(issuer, ())


def by_issuer(applications: Sequence[MobileApp]) -> Trusting:
    """Return issuer → the applications that trust it."""
    found: dict[str, list[MobileApp]] = defaultdict(list)
    for application in applications:
        for each in application.issuers:
            found[each.issuer].append(application)
    return found
