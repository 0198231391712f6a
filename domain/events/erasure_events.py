"""Events of the erasure of a person (R50, R51); only what is restated is personal data."""

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


class InstallationRestated(InstallationEvent):
    """All that a device's state has of personal data, as an erasure leaves it.

    Earlier events may be unreadable, so those behind this one need none of them.

    Args:
        facts, attributes, tags: all of them.
        since: when the device registered its address, if it has one.
    """

    TOPIC = "addressee.InstallationRestated"

    facts: Personal
    attributes: PersonalValues = Field(default_factory=FrozenDict)
    tags: Annotated[tuple[str, ...], PERSONAL] = ()
    since: datetime | None = None
