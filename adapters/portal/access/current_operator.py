"""The operator of a request: who it is, in which role, for which application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from addressee.application import recognized
from addressee.application.access.cached_applications import Lookup
from addressee.domain import MobileApp

from .roles import PERMISSIONS, Permission, Role, role_of
from .sessions import Session

if TYPE_CHECKING:
    from ..settings import PortalSettings


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who has signed in, and sees what the application has met.

    Attributes:
        name: as given at sign-in.
        role: what the operator may do.
        application: of the key, or the one that an identity provider's groups have a role in.
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
        """Return whether the operator's role has a permission.

        An export is all that pages mask, so nobody has it for whom they mask.
        """
        if permission == "export" and self.masked:
            return False
        return permission in PERMISSIONS[self.role]


def operator_of(configured: Lookup, session: Session, settings: PortalSettings) -> Operator | None:
    """Return the operator of a session.

    None before sign-in, once the key is revoked, and once the settings know no such role or
    another identity provider.
    """
    if session.key:
        key = configured.key(session.key)
        code, role = (key.application, role_of(key.scope)) if key else ("", None)
    else:
        code, oidc = session.application, settings.oidc
        ours = oidc if oidc and oidc.issuer == session.issuer else None
        role = ours.named_role(code, session.role) if ours else None
    application = configured.application(code) if code else None
    if application is None or role is None:
        return None
    masked = role in settings.masked
    return Operator(session.operator, role, application, session.actor, masked)


def key_of(configured: Lookup, presented: str) -> str | None:
    """Return the name of a presented key if it opens the portal."""
    key = recognized(configured.key, presented)
    return None if key is None or role_of(key.scope) is None else key.name
