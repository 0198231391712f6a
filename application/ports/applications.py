"""Where the applications of an account and their API keys are."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, Protocol

from addressee.domain import MobileApp

Scope = Literal["backend", "admin", "support", "marketing", "read"]
"""What an API key may do: a backend's work, or also an operator's; the last three are the roles of
operators who may do less, and open the portal alone."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The stored part of an API key: enough to recognize it, not enough to use it.

    Args:
        name: the part of the key that is no secret.
        application: the code of the one application that it counts for.
        scope: what it may do.
        digest: SHA-256 of the secret part.
    """

    name: str
    application: str
    scope: Scope
    digest: bytes


class Applications(Protocol):
    """Store applications and their API keys; any call may raise StoreUnavailable."""

    def put(self, application: MobileApp) -> None:
        """Store an application, in place of the one with the same code."""
        ...

    def get(self, code: str) -> MobileApp | None:
        """Return an application by its code."""
        ...

    def all(self) -> Sequence[MobileApp]:
        """Return every application, by code."""
        ...

    def put_key(self, key: ApiKey, *, alone: bool) -> None:
        """Store a key; ``alone`` in place of all that its application has of the same scope."""
        ...

    def key(self, name: str) -> ApiKey | None:
        """Return a key by its name."""
        ...

    def keys(self, application: str) -> Sequence[ApiKey]:
        """Return the keys of an application, by name."""
        ...

    def remove_key(self, name: str) -> bool:
        """Remove a key; return whether it was there."""
        ...

    def session_secret(self, *, renew: bool = False) -> bytes:
        """Return the secret that sessions of operators are signed with, made once.

        No export carries it: only who reads the database can sign a session.

        Args:
            renew: make another one, which ends all sessions.
        """
        ...

    def end_session(self, session: str, until: int, now: int) -> None:
        """Remember that an operator has signed out; those that are over anyway are forgotten.

        Args:
            session: its id.
            until: when it would have been over anyway, in seconds since 1970.
            now: the current time, likewise.
        """
        ...

    def ended_sessions(self) -> AbstractSet[str]:
        """Return the ids of sessions that operators have signed out of."""
        ...
