"""Everything that can happen, as it stands in the ledger.

An event's topic never changes, a field is never removed: a new shape gets a new topic suffix and an
upcast (R30). Fields that are personal data carry `PERSONAL` from their first day (R29).

An event that concerns a person and an installation is recorded on the streams of both, in one
transaction. ``HOME`` names the category of the stream whose copy counts as the happening, so that a
subscriber or projection meets it once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from .identity import Identifier, Kind
from .values import Scalar


class PersonalData(NamedTuple):
    """Marks a field whose content tells something about a natural person."""


PERSONAL = PersonalData()

Category = Literal["installation", "person", "claim", "token", "segment", "command"]
PersonType = Literal["LEAD", "CUSTOMER"]
DepersonalizeReason = Literal[
    "logout",
    "session_expired",
    "forced",
    "remote",
    "superseded",
    "token_rejected",
    "unregistered",
    "person_erased",
    "evicted",
]
ExpiryReason = Literal["superseded", "token_rejected", "unregistered"]
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


class InstallationRegistered(InstallationEvent):
    """An application was installed on a device; the SDK's REGISTRATION_CREATED (R6)."""

    TOPIC = "addressee.InstallationRegistered"

    application: str
    push_enabled: bool
    notifications_enabled: bool
    facts: Personal
    attributes: Personal = Field(default_factory=Facts)


class InstallationUpdated(InstallationEvent):
    """Facts, flags or attributes changed; None removes, what is not named stays (R8)."""

    TOPIC = "addressee.InstallationUpdated"

    push_enabled: bool | None = None
    notifications_enabled: bool | None = None
    facts: Personal = Field(default_factory=Facts)
    attributes: Personal = Field(default_factory=Facts)


class InstallationTagged(InstallationEvent):
    """Tags of the installation itself changed (R28)."""

    TOPIC = "addressee.InstallationTagged"

    added: Annotated[tuple[str, ...], PERSONAL] = ()
    removed: Annotated[tuple[str, ...], PERSONAL] = ()


class InstallationExpired(InstallationEvent):
    """The installation can't be reached any more and never will be (R7, R9)."""

    TOPIC = "addressee.InstallationExpired"

    reason: ExpiryReason


class PersonCreated(PersonEvent):
    """A person became known, as a lead or a customer."""

    TOPIC = "addressee.PersonCreated"

    type: PersonType


class PersonPromoted(PersonEvent):
    """A lead became a customer (R16)."""

    TOPIC = "addressee.PersonPromoted"


class PersonUpdated(PersonEvent):
    """Attributes changed; None removes, what is not named stays (R15)."""

    TOPIC = "addressee.PersonUpdated"

    attributes: Personal


class PersonTagged(PersonEvent):
    """Tags of the person changed (R28)."""

    TOPIC = "addressee.PersonTagged"

    added: Annotated[tuple[str, ...], PERSONAL] = ()
    removed: Annotated[tuple[str, ...], PERSONAL] = ()


class IdentifierAdded(PersonEvent):
    """The person is known by one more identifier (R12)."""

    TOPIC = "addressee.IdentifierAdded"

    kind: Kind
    value: Annotated[str, PERSONAL]

    @property
    def identifier(self) -> Identifier:
        """The identifier in its compared form."""
        return Identifier(self.kind, self.value)


class IdentifierRemoved(IdentifierAdded):
    """The person is no longer known by an identifier."""

    TOPIC = "addressee.IdentifierRemoved"


class DevicePersonalized(Event):
    """An installation was bound to a person; on both their streams."""

    TOPIC = "addressee.DevicePersonalized"
    HOME = "installation"

    installation: str
    application: str
    person: str


class DeviceDepersonalized(Event):
    """An installation was unbound from a person; on both their streams (R18)."""

    TOPIC = "addressee.DeviceDepersonalized"
    HOME = "installation"

    installation: str
    application: str
    person: str
    reason: DepersonalizeReason


class PrimaryChanged(Event):
    """A person's primary installation in an application changed (R23).

    On the person's stream and those of the installations that gained and lost the flag.
    """

    TOPIC = "addressee.PrimaryChanged"
    HOME = "person"

    application: str
    person: str
    previous: str | None
    current: str | None


class IdentifierClaimed(Event):
    """A person holds an identifier from now on; the stream's id is its keyed hash (R5)."""

    TOPIC = "addressee.IdentifierClaimed"
    HOME = "claim"

    kind: Kind
    person: str


class IdentifierReleased(IdentifierClaimed):
    """A person holds an identifier no longer."""

    TOPIC = "addressee.IdentifierReleased"


class PushTokenClaimed(Event):
    """An installation is the last that reported a push token; it supersedes the one before (R7)."""

    TOPIC = "addressee.PushTokenClaimed"
    HOME = "token"

    installation: str


class SegmentDefined(Event):
    """A name stands for an audience from now on."""

    TOPIC = "addressee.SegmentDefined"
    HOME = "segment"

    application: str
    name: str
    expression: Annotated[str, PERSONAL]


class SegmentRemoved(Event):
    """A name stands for no audience any more."""

    TOPIC = "addressee.SegmentRemoved"
    HOME = "segment"

    application: str
    name: str


class CommandCompleted(Event):
    """A command with an idempotency key took effect (R31).

    Args:
        fingerprint: hash of the command and its arguments, to tell a retry from a mix-up.
        result: what the first call answered, its position apart.
    """

    TOPIC = "addressee.CommandCompleted"
    HOME = "command"

    fingerprint: str
    result: dict[str, Any]


EVENT_TYPES: tuple[type[Event], ...] = (
    InstallationRegistered,
    InstallationUpdated,
    InstallationTagged,
    InstallationExpired,
    PersonCreated,
    PersonPromoted,
    PersonUpdated,
    PersonTagged,
    IdentifierAdded,
    IdentifierRemoved,
    DevicePersonalized,
    DeviceDepersonalized,
    PrimaryChanged,
    IdentifierClaimed,
    IdentifierReleased,
    PushTokenClaimed,
    SegmentDefined,
    SegmentRemoved,
    CommandCompleted,
)


def personal_fields(event: type[Event]) -> frozenset[str]:
    """Return the names of the fields of an event type that are personal data (R29)."""
    return frozenset(
        name for name, field in event.model_fields.items() if PERSONAL in field.metadata
    )
