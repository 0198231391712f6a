"""What all events have, and the mark of fields that are personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from ..values import Scalar


class PersonalData(NamedTuple):
    """Marks a field whose content tells something about a natural person."""


PERSONAL = PersonalData()

Category = Literal["installation", "person", "claim", "token", "segment", "command"]
Facts = dict[str, Scalar | None]
Personal = Annotated[Facts, PERSONAL]


class Event(BaseModel):
    """One fact in the ledger.

    Args:
        originator_id: the stream, ``category:name``; stored beside the event, not in it.
        originator_version: place in the stream, from 1; stored beside the event.
        timestamp: when, in UTC; never earlier than the event before it in its stream.
        actor: who asked: ``device``, ``backend`` or ``policy``, with ``:name`` where there is one.
        correlation_id: what the caller wants the event to be found by, if anything.
    """

    model_config = ConfigDict(frozen=True)

    TOPIC: ClassVar[str]
    HOME: ClassVar[Category]

    originator_id: str = Field(default="", exclude=True)
    originator_version: int = Field(default=0, exclude=True)
    timestamp: datetime
    actor: str
    correlation_id: str | None = None

    @property
    def at_home(self) -> bool:
        """Whether this is the copy that counts as the happening."""
        return self.originator_id.startswith(self.HOME)


class InstallationEvent(Event):
    """Something that concerns one installation alone."""

    HOME = "installation"

    @property
    def installation(self) -> str:
        """The installation's id."""
        return self.originator_id.partition(":")[2]


class PersonEvent(Event):
    """Something that concerns one person alone."""

    HOME = "person"

    @property
    def person(self) -> str:
        """The person's id."""
        return self.originator_id.partition(":")[2]


def personal_fields(event: type[Event]) -> frozenset[str]:
    """Return the names of the fields of an event type that are personal data (R29)."""
    return frozenset(
        name for name, field in event.model_fields.items() if PERSONAL in field.metadata
    )
