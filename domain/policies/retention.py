"""Retention: how long installations stay that nobody uses, and persons without any (R54)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .. import values
from ..errors import InvalidValue

LEAST = timedelta(days=1)
"""Devices need time to show that they are in use, and persons to sign in on another one."""

LONG = ("expire_anonymous_after", "erase_after", "erase_anonymous_after")
"""The times that are that long at least."""


@dataclass(frozen=True, slots=True)
class Retention:
    """An application's policy for installations that nobody uses, and persons who have none.

    FCM calls an Android registration stale after a month and drops it after 270 days
    (https://firebase.google.com/docs/cloud-messaging/manage-tokens); APNs has no such rule.

    Args:
        stale_after: unused for so long, one that somebody is signed in on is counted as stale, and
            still reached.
        expire_after: unused for so long, it expires.
        expire_anonymous_after: unused for so long, a day at least, one that nobody is signed in on
            expires.
        erase_after: so long, a day at least, after the last installation was unbound from a person,
            the person is erased; of several applications that met the person the longest time
            counts, and all must have one.
        erase_anonymous_after: so long, a day at least, after an installation has expired, what it
            told while nobody was signed in on it is erased.

    Raises:
        InvalidValue: a time is no timedelta or not longer than zero, or ``stale_after`` is not
            the shorter one; one of `LONG` is shorter than a day.
    """

    stale_after: timedelta | None = None
    expire_after: timedelta | None = None
    expire_anonymous_after: timedelta | None = None
    erase_after: timedelta | None = None
    erase_anonymous_after: timedelta | None = None

    def __post_init__(self) -> None:
        """Check the times."""
        for name in ("stale_after", "expire_after", *LONG):
            time: object = getattr(self, name)
            if time is None:
                continue
            length = values.instance(name, time, timedelta)
            if length <= timedelta(0):
                raise InvalidValue(name, "should be longer than zero")
            if name in LONG and length < LEAST:
                raise InvalidValue(name, "should be a day or longer")
        if self.stale_after and self.expire_after and self.stale_after >= self.expire_after:
            raise InvalidValue("stale_after", "should be shorter than expire_after")
