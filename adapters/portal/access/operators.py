"""The operator of a request: who it is, in which role, for which application."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from addressee.application import recognized
from addressee.application.access.cached_applications import Lookup
from addressee.domain import MobileApp

from .roles import PERMISSIONS, Permission, Role, role_of
from .sessions import Session


@dataclass(frozen=True, slots=True)
class Operator:
    """A person with an operator's key, who sees what the key's application has met.

    Attributes:
        name: as given at sign-in.
        role: what the operator may do.
        application: of the key.
        actor: of the events that the operator's actions record.
        masked: whether personal data is masked.
    """

    name: str
    role: Role
    application: MobileApp
    actor: str
    masked: bool

    @property
    def code(self) -> str:
        """The code of the application, which bounds all that the operator sees."""
        return self.application.code

    def may(self, permission: Permission) -> bool:
        """Return whether the operator's role has a permission."""
        return permission in PERMISSIONS[self.role]


def operator_of(configured: Lookup, session: Session, masked: AbstractSet[Role]) -> Operator | None:
    """Return the operator of a session; None before sign-in, and once the key is revoked."""
    key = configured.key(session.key) if session.key else None
    application = None if key is None else configured.application(key.application)
    role = None if key is None else role_of(key.scope)
    if application is None or role is None:
        return None
    return Operator(session.operator, role, application, session.actor, role in masked)


def key_of(configured: Lookup, presented: str) -> str | None:
    """Return the name of a presented key if it opens the portal."""
    key = recognized(configured.key, presented)
    return None if key is None or role_of(key.scope) is None else key.name
