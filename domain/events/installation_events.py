"""Events of an installation alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..values import FrozenDict
from .base import PERSONAL, InstallationEvent, Personal, PersonalValues

ExpiryReason = Literal["superseded", "token_rejected", "unregistered", "inactive"]


class InstallationRegistered(InstallationEvent):
    """An application was installed on a device; the SDK's REGISTRATION_CREATED (R6)."""

    TOPIC = "addressee.InstallationRegistered"

    application: str
    push_enabled: bool
    notifications_enabled: bool
    facts: Personal
    attributes: PersonalValues = Field(default_factory=FrozenDict)


class InstallationUpdated(InstallationEvent):
    """Facts, flags or attributes changed; None removes, a missing name changes nothing (R8)."""

    TOPIC = "addressee.InstallationUpdated"

    push_enabled: bool | None = None
    notifications_enabled: bool | None = None
    facts: Personal = Field(default_factory=FrozenDict)
    attributes: PersonalValues = Field(default_factory=FrozenDict)


class InstallationTagged(InstallationEvent):
    """Tags of the installation itself changed (R28)."""

    TOPIC = "addressee.InstallationTagged"

    added: Annotated[tuple[str, ...], PERSONAL] = ()
    removed: Annotated[tuple[str, ...], PERSONAL] = ()


class InstallationExpired(InstallationEvent):
    """The installation ended for good; nothing reaches it any more (R7, R9).

    Args:
        reason: why.
        superseded_by: the installation that took its push token, where that is the reason.
    """

    TOPIC = "addressee.InstallationExpired"

    reason: ExpiryReason
    superseded_by: str | None = None
