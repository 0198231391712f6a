"""What happens to a binding when nobody uses the installation for a while (R26)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ..errors import InvalidValue


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """An application's policy: keep the binding for ever, or end it after an idle time.

    Args:
        idle: how long after sign-in or the last touch a session ends; None keeps it.

    Raises:
        InvalidValue: the idle time is not longer than zero.
    """

    idle: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse a policy that would end sessions before they start."""
        if self.idle is not None and self.idle <= timedelta(0):
            raise InvalidValue("idle", "should be longer than zero")


KEEP = SessionPolicy()
"""The default: nothing happens at expiry."""
