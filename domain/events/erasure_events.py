"""Events of erasures (R50, R51); only what is restated is personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from ..values import FrozenDict
from .base import PERSONAL, InstallationEvent, Personal, PersonalValues, PersonEvent


class ErasureRequested(PersonEvent):
    """The person is gone from here on; the keys of the person's data are destroyed next.

    Args:
        segments: saved segments that name an identifier of the person, as ``application/name``;
            their texts stay as they are.
    """

    TOPIC = "addressee.ErasureRequested"

    segments: tuple[str, ...] = ()


class PersonErased(PersonEvent):
    """The person's data is unreadable: the keys that it was sealed with are destroyed.

    Args:
        keys: ids of the keys.
        fingerprint: of all of them together; it does not reveal them.
        events: how many events they had sealed.
    """

    TOPIC = "addressee.PersonErased"

    keys: tuple[str, ...] = ()
    fingerprint: str
    events: int


class InstallationErasureRequested(InstallationEvent):
    """The state of an expired device is gone from here on.

    The keys of what it told while nobody was signed in on it are destroyed next.
    """

    TOPIC = "addressee.InstallationErasureRequested"


class InstallationErased(InstallationEvent):
    """What a device told while nobody was signed in on it is unreadable.

    Args:
        keys: ids of the keys that it was sealed with, which are destroyed.
        fingerprint: of all of them together; it does not reveal them.
        events: how many events they had sealed.
    """

    TOPIC = "addressee.InstallationErased"

    keys: tuple[str, ...] = ()
    fingerprint: str
    events: int


class InstallationRestated(InstallationEvent):
    """What a device's state has of personal data in unreadable events, as an erasure leaves it.

    It names nobody but who holds the device: nothing that another person told is copied.

    Args:
        facts: those whose last event becomes unreadable; None for one that is gone. All of them,
            unless it is partial.
        attributes, tags: all of them.
        since: when the device registered its address, if it has one.
        partial: whether other facts stay as they are, as always since ledgers have it.
    """

    TOPIC = "addressee.InstallationRestated"

    facts: Personal
    attributes: PersonalValues = Field(default_factory=FrozenDict)
    tags: Annotated[tuple[str, ...], PERSONAL] = ()
    since: datetime | None = None
    partial: bool = False
