"""What a host sets of the portal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta

from .access.roles import MASKED, Role
from .oidc.settings import OidcSettings

Progress = Callable[[int, int], object]
"""Hears of positions of the ledger: how far a work is, and the last one."""
Work = Callable[[Progress], str]
"""A long work on the store; returns its result in a sentence."""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What operators may have done to the store of the host.

    Args:
        works: name → the work, such as ``rebuild``.
        projections: returns name → how many positions each projection of the host is behind.
    """

    works: Mapping[str, Work] = field(default_factory=dict[str, Work])
    projections: Callable[[], Mapping[str, int]] = dict


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """Settings of the portal.

    Args:
        masked: roles that personal data is masked for.
        idle: how long an unused session lasts.
        longest: how long any session lasts.
        secure: whether the session's cookie is sent over TLS alone; False only for http on the
            loopback interface.
        maintenance: what operators may have done to the store.
        oidc: the identity provider that operators sign in at, beside keys; None for keys alone.
    """

    masked: AbstractSet[Role] = MASKED
    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)
    secure: bool = True
    maintenance: Maintenance = field(default_factory=Maintenance)
    oidc: OidcSettings | None = None

    def cookie(self, name: str) -> str:
        """Return the name of a cookie; browsers accept the prefix from this host over TLS alone."""
        return f"__Host-{name}" if self.secure else name
