"""The fields of a file that holds a ledger, and their limits."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from addressee.application import End, Heading, Stored
from addressee.domain import LedgerFileInvalid
from addressee.domain.errors import first_problem

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Key = Annotated[str, Field(pattern="^([0-9a-f]{2}){1,64}$")]
SealId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
LONGEST_STREAM = 300
LARGEST = 2**63 - 1
LARGEST_VERSION = 2**31 - 1


class Fields(BaseModel):
    """One line, or as much of a file of another form."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    def line(self) -> bytes:
        """Return it as a line of JSON."""
        return self.model_dump_json(exclude_none=True).encode() + b"\n"


class HeadingFields(Fields):
    """The heading.

    Args:
        ledger: version of the format.
        indexed_attributes: those that audiences could use.
        key_fingerprint: of the identifier key.
        identifier_key: the key in hexadecimal digits, where it travels along.
        sealed_as: the id that sealed personal data is bound to.
    """

    ledger: Literal[1]
    indexed_attributes: list[str]
    key_fingerprint: str
    identifier_key: Key | None = None
    sealed_as: SealId | None = None

    @classmethod
    def of(cls, heading: Heading) -> Self:
        """Return the fields of a heading."""
        key = heading.identifier_key
        return cls(
            ledger=1,
            indexed_attributes=[*heading.indexed_attributes],
            key_fingerprint=heading.key_fingerprint,
            identifier_key=None if key is None else key.hex(),
            sealed_as=heading.sealed_as,
        )

    def heading(self) -> Heading:
        """Return the heading."""
        key = self.identifier_key
        return Heading(
            tuple(self.indexed_attributes),
            self.key_fingerprint,
            None if key is None else bytes.fromhex(key),
            sealed_as=self.sealed_as,
        )


class EventFields(Fields):
    """An event; its state is JSON of its own, or bytes if a cipher or compressor made it."""

    position: int
    stream: str
    version: int
    topic: str
    state: dict[str, Any] | None = None
    state_base64: Base64Bytes | None = None


class EndFields(Fields):
    """The end: how many events there are, the last one's position, and the digest of them all."""

    events: Annotated[int, Field(ge=0)]
    last: Annotated[int, Field(ge=0)]
    digest: Digest

    @classmethod
    def of(cls, end: End) -> Self:
        """Return the fields of an end."""
        return cls(events=end.events, last=end.last, digest=end.digest.hex())

    def end(self) -> End:
        """Return the end."""
        return End(self.events, self.last, bytes.fromhex(self.digest))


F = TypeVar("F", bound=Fields)


def checked(kind: type[F], text: bytes, place: str) -> F:
    """Return the fields that a JSON text holds; raises LedgerFileInvalid."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as refused:
        field, problem = first_problem(refused.errors(include_input=False, include_url=False))
        raise LedgerFileInvalid(place, f"{field or 'the line'}: {problem}") from None


def is_object(state: bytes) -> bool:
    """Whether bytes are a JSON object."""
    try:
        return isinstance(json.loads(state), dict)
    except ValueError:
        return False


def checked_event(event: Stored, place: str) -> Stored:
    """Return an event if a store can hold it; raises LedgerFileInvalid."""
    for name, number, largest in (
        ("position", event.position, LARGEST),
        ("version", event.version, LARGEST_VERSION),
    ):
        if not 1 <= number <= largest:
            raise LedgerFileInvalid(place, f"{name} should be 1 to {largest}")
    if not 1 <= len(event.stream) <= LONGEST_STREAM or "\0" in event.stream:
        problem = f"stream should have 1 to {LONGEST_STREAM} characters, none of them NUL"
        raise LedgerFileInvalid(place, problem)
    return event
