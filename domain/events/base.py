"""The base of all events, the names of streams, and the mark of personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
)
from pydantic_core import core_schema

from ..values import FlatObject, FrozenDict, Scalar


class PersonalData(NamedTuple):
    """Marks a field whose content says something about a natural person."""


PERSONAL = PersonalData()

Category = Literal[
    "installation", "person", "claim", "token", "segment", "command", "key", "actions"
]


def flat_object_schema(_: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    """Return the schema of an object in an attribute: a JSON object, made immutable."""
    plain = handler.generate_schema(dict[str, Scalar])
    return core_schema.no_info_after_validator_function(FlatObject, plain)


FROZEN = AfterValidator(FrozenDict)
Facts = dict[str, Scalar | None]
"""Changed facts of a device; None removes one."""
Personal = Annotated[Facts, FROZEN, PERSONAL]
Flat = Annotated[FlatObject, GetPydanticSchema(flat_object_schema)]
Values = dict[str, Scalar | tuple[Flat, ...] | None]
"""Changed attributes; None removes one."""
PersonalValues = Annotated[Values, FROZEN, PERSONAL]


def stream_of(category: Category, name: str) -> str:
    """Return the id of an aggregate's stream, ``category:name``."""
    return f"{category}:{name}"


def category_of(stream: str) -> str:
    """Return the category in the id of a stream."""
    return stream.partition(":")[0]


def name_in(stream: str) -> str:
    """Return the aggregate's own name in the id of its stream."""
    return stream.partition(":")[2]


class Event(BaseModel):
    """One fact in the ledger.

    Args:
        originator_id: id of the stream, ``category:name``; a column of its own, not in the state.
        originator_version: version in the stream, from 1; likewise a column of its own.
        timestamp: time in UTC; never earlier than the previous event of the stream.
        actor: the caller: ``device``, ``backend``, ``operator`` or ``policy``, optionally with
            ``:name``.
        correlation_id: an id of the caller's by which the event can be found, if any.
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
        """Whether this copy stands on the event's home stream, where subscribers read it."""
        return self.originator_id.startswith(self.HOME)


class InstallationEvent(Event):
    """An event of one installation alone."""

    HOME = "installation"

    @property
    def installation(self) -> str:
        """The installation's id."""
        return name_in(self.originator_id)


class PersonEvent(Event):
    """An event of one person alone."""

    HOME = "person"

    @property
    def person(self) -> str:
        """The person's id."""
        return name_in(self.originator_id)


def personal_fields(event: type[Event]) -> frozenset[str]:
    """Return the names of the fields of an event type that are personal data (R29)."""
    return frozenset(
        name for name, field in event.model_fields.items() if PERSONAL in field.metadata
    )
