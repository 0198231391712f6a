"""Events of a person and an installation together, recorded on the streams of both (R29)."""

from __future__ import annotations

from typing import Literal

from .base import Event

DepersonalizeReason = Literal[
    "logout",
    "session_expired",
    "forced",
    "remote",
    "superseded",
    "token_rejected",
    "unregistered",
    "inactive",
    "person_erased",
    "evicted",
]


class DevicePersonalized(Event):
    """An installation was bound to a person; recorded on both streams."""

    TOPIC = "addressee.DevicePersonalized"
    HOME = "installation"

    installation: str
    application: str
    person: str


class DeviceDepersonalized(Event):
    """An installation was unbound from a person; recorded on both streams (R18).

    Args:
        superseded_by: the installation that took its push token, where that is the reason.
    """

    TOPIC = "addressee.DeviceDepersonalized"
    HOME = "installation"

    installation: str
    application: str
    person: str
    reason: DepersonalizeReason
    superseded_by: str | None = None


class PrimaryChanged(Event):
    """A person's primary installation in an application changed (R23).

    Recorded on the stream of the person and of each installation that gained or lost the flag.
    """

    TOPIC = "addressee.PrimaryChanged"
    HOME = "person"

    application: str
    person: str
    previous: str | None
    current: str | None
