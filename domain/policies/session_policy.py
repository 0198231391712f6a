"""Session policies: how long a binding lasts without use of the installation (R26)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .. import values
from ..errors import InvalidValue


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """An application's policy: keep the binding for ever, or end it after an idle time.

    Args:
        idle: time from sign-in or the last touch to the end of the session; None keeps it.

    Raises:
        InvalidValue: the idle time is no timedelta, or not longer than zero.
    """

    idle: timedelta | None = None

    def __post_init__(self) -> None:
        """Check the idle time."""
        if self.idle is not None and values.instance("idle", self.idle, timedelta) <= timedelta(0):
            raise InvalidValue("idle", "should be longer than zero")


KEEP = SessionPolicy()
"""The default: sessions never expire."""
