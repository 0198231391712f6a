"""Roles of operators, and what each may do."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Literal, cast

from addressee.application import Scope

Role = Literal["read", "support", "marketing", "admin"]
Permission = Literal["sign out", "merge", "export", "erase", "define segments", "send", "operate"]
"""What goes beyond looking; pages show an action only to those who may do it."""

SUPPORT: AbstractSet[Permission] = {"sign out", "merge", "export"}
MARKETING: AbstractSet[Permission] = {"define segments", "send"}
OWN: AbstractSet[Permission] = {"erase", "operate"}
PERMISSIONS: Mapping[Role, AbstractSet[Permission]] = {
    "read": frozenset(),
    "support": SUPPORT,
    "marketing": MARKETING,
    "admin": SUPPORT | MARKETING | OWN,
}
RANKS: tuple[Role, ...] = ("admin", "marketing", "support", "read")
"""Roles, the highest first: of several that somebody could have, this one counts."""
MASKED: AbstractSet[Role] = frozenset({"read", "marketing"})
"""Roles that personal data is masked for, by default."""


def role_of(scope: Scope) -> Role | None:
    """Return the role of a key's holder; None for a backend's key, which opens no portal."""
    return cast("Role", scope) if scope in PERMISSIONS else None
