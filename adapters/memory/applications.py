"""Applications and their keys in dictionaries."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from addressee.application import ApiKey
from addressee.domain import MobileApp, values


class MemoryApplications:
    """Applications and keys of one process; what each method gives is said at the port."""

    def __init__(self, *applications: MobileApp) -> None:
        self._applications = {each.code: each for each in applications}
        self._keys: dict[str, ApiKey] = {}
        self._session_secret = secrets.token_bytes(32)
        self._ended: dict[str, int] = {}

    def put(self, application: MobileApp) -> None:
        """Keep an application."""
        values.instance("application", application, MobileApp)
        self._applications[application.code] = application

    def get(self, code: str) -> MobileApp | None:
        """Return an application."""
        return self._applications.get(values.identifier("application", code))

    def all(self) -> Sequence[MobileApp]:
        """Return every application."""
        return sorted(self._applications.values(), key=lambda each: each.code)

    def put_key(self, key: ApiKey, *, alone: bool) -> None:
        """Keep a key."""
        values.instance("key", key, ApiKey)
        for other in self.keys(key.application) if alone else ():
            if other.scope == key.scope:
                del self._keys[other.name]
        self._keys[key.name] = key

    def key(self, name: str) -> ApiKey | None:
        """Return a key."""
        return self._keys.get(values.identifier("key", name))

    def keys(self, application: str) -> Sequence[ApiKey]:
        """Return the keys of an application."""
        values.identifier("application", application)
        found = (key for key in self._keys.values() if key.application == application)
        return sorted(found, key=lambda key: key.name)

    def remove_key(self, name: str) -> bool:
        """Forget a key."""
        return self._keys.pop(values.identifier("key", name), None) is not None

    def session_secret(self, *, renew: bool = False) -> bytes:
        """Return the secret of operators' sessions."""
        if renew:
            self._session_secret = secrets.token_bytes(32)
        return self._session_secret

    def end_session(self, session: str, until: int, now: int) -> None:
        """Remember that an operator has signed out."""
        ended = {**self._ended, values.identifier("session", session): until}
        self._ended = {name: over for name, over in ended.items() if over >= now}

    def ended_sessions(self) -> AbstractSet[str]:
        """Return the sessions that operators have signed out of."""
        return frozenset(self._ended)
