"""What can go wrong, as one tree that callers can catch at any height.

AddresseeError
├── InvalidValue
│   ├── LimitExceeded
│   ├── PhoneInvalid
│   ├── EmailInvalid
│   ├── UserIdentityInvalid
│   └── ExpressionInvalid
├── NoRegistration
├── AmbiguousPersonalizeCandidates
├── PersonalizationImpossible
├── UserMergeInterrupted
├── Forbidden
│   └── OtherPerson
├── DeviceLimitReached
├── NotPersonalized
├── UnknownApplication
├── UnknownPerson
├── UnknownSegment
├── SegmentCycle
├── SegmentInUse
├── IdempotencyKeyReused
├── Conflict
└── StoreError, and what is wrong with an exported ledger: store_errors.py

Every class carries a stable ``code``. Messages name fields, limits and sizes, never the value that
was given and never another person's data: they are safe to log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class AddresseeError(Exception):
    """Something was refused or failed; ``code`` says what, in a form that never changes."""

    code: ClassVar[str] = "ADDRESSEE_ERROR"


class InvalidValue(AddresseeError):
    """A value has the wrong type or form.

    Args:
        field: name of the field, with an index where it is one of several.
        problem: what is wrong with it, without the value itself.
    """

    code = "REQUEST_FORMAT_INVALID"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class LimitExceeded(InvalidValue):
    """A value is too long, too short, or there are too many of it (R4).

    Args:
        field: name of the field.
        limit: the largest size that is accepted.
        given: the size that was given.
        unit: what the sizes count.
        least: the smallest size that is accepted.
    """

    code = "LIMIT_EXCEEDED"

    def __init__(
        self, field: str, limit: int, given: int, unit: str = "characters", least: int = 0
    ) -> None:
        span = f"{least} to {limit}" if least else f"at most {limit}"
        super().__init__(field, f"takes {span} {unit}, {given} given")
        self.limit = limit
        self.given = given


class PhoneInvalid(InvalidValue):
    """A phone number is not an international number that can exist (R2)."""

    code = "PHONE_INVALID"


class EmailInvalid(InvalidValue):
    """An e-mail address is not well formed (R3)."""

    code = "EMAIL_INVALID"


class UserIdentityInvalid(InvalidValue):
    """An identity names nobody: no field of it is set (R10)."""

    code = "USER_IDENTITY_INVALID"

    def __init__(self) -> None:
        super().__init__("identity", "has none of external_id, msisdns and emails set")


class ExpressionInvalid(InvalidValue):
    """An audience expression can't be read (R33).

    Args:
        problem: what was expected or found.
        column: where, counted from 1.
    """

    code = "EXPRESSION_INVALID"

    def __init__(self, problem: str, column: int) -> None:
        super().__init__("expression", f"column {column}: {problem}")
        self.column = column


class NoRegistration(AddresseeError):
    """An installation is unknown or expired (R9)."""

    code = "NO_REGISTRATION"

    def __init__(self, installation: str, reason: str | None = None) -> None:
        state = f"has expired ({reason})" if reason else "is not registered"
        super().__init__(f"installation {installation} {state}")
        self.installation = installation
        self.reason = reason


class AmbiguousPersonalizeCandidates(AddresseeError):
    """The identifiers of one identity belong to two or more persons (R11).

    Args:
        fields: the fields of the identity that clash, such as ``external_id`` or ``emails[0]``.
    """

    code = "AMBIGUOUS_PERSONALIZE_CANDIDATES"

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(f"several persons hold the given identifiers: {', '.join(fields)}")
        self.fields = fields


class PersonalizationImpossible(AddresseeError):
    """The installation belongs to another identified person and force was not asked for (R13)."""

    code = "PERSONALIZATION_IMPOSSIBLE"

    def __init__(self, installation: str) -> None:
        super().__init__(f"installation {installation} belongs to another person; depersonalize it")
        self.installation = installation


class UserMergeInterrupted(AddresseeError):
    """An identifier can't be added: another person, or another value, has its place (R12, R27)."""

    code = "USER_MERGE_INTERRUPTED"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field


class Forbidden(AddresseeError):
    """An installation may act on another one only where both belong to the same person (R21)."""

    code = "FORBIDDEN"

    def __init__(self, installation: str, by: str) -> None:
        super().__init__(f"installation {by} may not act on installation {installation}")
        self.installation = installation
        self.by = by


class OtherPerson(Forbidden):
    """A command is meant for one person, and somebody else is on the installation, or nobody."""

    def __init__(self, installation: str) -> None:
        AddresseeError.__init__(
            self, f"installation {installation} does not belong to the person who is meant"
        )
        self.installation = installation


class DeviceLimitReached(AddresseeError):
    """A person has as many installations of an application as its policy allows.

    Args:
        limit: how many that is.
    """

    code = "DEVICE_LIMIT_REACHED"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the person has {limit} installations, and more are not allowed")
        self.limit = limit


class UnknownApplication(AddresseeError):
    """No application has that code."""

    code = "UNKNOWN_APPLICATION"

    def __init__(self, application: str) -> None:
        super().__init__(f"application {application} is not configured")
        self.application = application


class NotPersonalized(AddresseeError):
    """A command needs an installation that belongs to a person (R25)."""

    code = "NOT_PERSONALIZED"

    def __init__(self, installation: str) -> None:
        super().__init__(f"installation {installation} belongs to nobody")
        self.installation = installation


class UnknownPerson(AddresseeError):
    """No person has that id."""

    code = "UNKNOWN_PERSON"

    def __init__(self, person: str) -> None:
        super().__init__(f"person {person} does not exist")
        self.person = person


class UnknownSegment(AddresseeError):
    """An expression uses a saved segment that is not defined in the application."""

    code = "UNKNOWN_SEGMENT"

    def __init__(self, segment: str) -> None:
        super().__init__(f"segment {segment} is not defined")
        self.segment = segment


class SegmentCycle(AddresseeError):
    """A saved segment would contain itself.

    Args:
        path: names of the segments, each used by the one before, the last the same as the first.
    """

    code = "SEGMENT_CYCLE"

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(f"segment {path[0]} contains itself: {' → '.join(path)}")
        self.path = tuple(path)


class SegmentInUse(AddresseeError):
    """A saved segment is to be removed that others use.

    Args:
        segment: its name.
        users: names of the segments that use it.
    """

    code = "SEGMENT_IN_USE"

    def __init__(self, segment: str, users: Sequence[str]) -> None:
        super().__init__(f"segment {segment} is used by {', '.join(users)}")
        self.segment = segment
        self.users = tuple(users)


class IdempotencyKeyReused(AddresseeError):
    """An idempotency key came again with a different command or different arguments (R31)."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("the idempotency key was used before for another request")


class Conflict(AddresseeError):
    """A race was lost again and again; nothing was recorded (R32).

    Args:
        stream: the stream that others kept writing to.
        expected: the version that the command had read.
        actual: the version that the stream has now.
    """

    code = "CONFLICT"

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream} is at version {actual}, expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual
