"""All errors, in one tree that callers can catch at any level.

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
│   ├── OtherPerson
│   └── PersonProtected
├── DeviceLimitReached
├── NotPersonalized
├── UnknownApplication
├── UnknownPerson
├── UnknownSegment
├── UnknownDispatch
├── SegmentCycle
├── SegmentInUse
├── IdempotencyKeyReused
├── Conflict
└── StoreError, and errors of an exported ledger: store_errors.py

Every class has a stable ``code``. Messages name fields, limits and sizes, never the given value and
never another person's data: they are safe to log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class AddresseeError(Exception):
    """The base of all errors; ``code`` is stable across releases."""

    code: ClassVar[str] = "ADDRESSEE_ERROR"


class InvalidValue(AddresseeError):
    """A value has the wrong type or form.

    Args:
        field: name of the field, with an index in a list.
        problem: the problem, without the value itself.
    """

    code = "REQUEST_FORMAT_INVALID"

    def __init__(self, field: str, problem: str) -> None:
        # A field may be named by a caller, with letters that no text can be encoded with.
        self.field = field.encode(errors="backslashreplace").decode()
        super().__init__(f"{self.field} {problem}")
        self.problem = problem


class LimitExceeded(InvalidValue):
    """A value is too long or too short, or a list has too many values (R4).

    Args:
        field: name of the field.
        limit: the largest accepted size.
        given: the given size.
        unit: the unit of the sizes.
        least: the smallest accepted size.
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
    """A phone number is not a possible international number (R2)."""

    code = "PHONE_INVALID"


class EmailInvalid(InvalidValue):
    """An e-mail address is not well formed (R3)."""

    code = "EMAIL_INVALID"


class UserIdentityInvalid(InvalidValue):
    """An identity names nobody (R10), or its external id stands for nobody (R44)."""

    code = "USER_IDENTITY_INVALID"

    def __init__(
        self,
        field: str = "identity",
        problem: str = "has none of external_id, msisdns and emails set",
    ) -> None:
        super().__init__(field, problem)


class ExpressionInvalid(InvalidValue):
    """An audience expression is not valid (R33).

    Args:
        problem: the expected token, or the problem.
        column: its column, from 1.
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
        fields: the conflicting fields of the identity, such as ``external_id`` or ``emails[0]``.
    """

    code = "AMBIGUOUS_PERSONALIZE_CANDIDATES"

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(f"several persons hold the given identifiers: {', '.join(fields)}")
        self.fields = fields


class PersonalizationImpossible(AddresseeError):
    """The installation belongs to another identified person, and no force was asked for (R13)."""

    code = "PERSONALIZATION_IMPOSSIBLE"

    def __init__(self, installation: str) -> None:
        super().__init__(f"installation {installation} belongs to another person; depersonalize it")
        self.installation = installation


class UserMergeInterrupted(AddresseeError):
    """An identifier can't be added: another person has it, or the person has another (R12, R27)."""

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
    """The installation does not belong to the person that the command names."""

    def __init__(self, installation: str) -> None:
        AddresseeError.__init__(
            self, f"installation {installation} does not belong to the named person"
        )
        self.installation = installation


class PersonProtected(Forbidden):
    """An application whose devices need no proof means a person that a stricter one met (R56)."""

    def __init__(self, installation: str) -> None:
        AddresseeError.__init__(
            self, f"installation {installation} is of an application that may not use that person"
        )
        self.installation = installation


class DeviceLimitReached(AddresseeError):
    """A person has as many installations of an application as its policy allows.

    Args:
        limit: the number that the policy allows.
    """

    code = "DEVICE_LIMIT_REACHED"

    def __init__(self, limit: int) -> None:
        super().__init__(f"the person has {limit} installations, which is the limit")
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


class UnknownDispatch(AddresseeError):
    """No dispatch has that id."""

    code = "UNKNOWN_DISPATCH"

    def __init__(self, dispatch: str) -> None:
        super().__init__(f"dispatch {dispatch} does not exist")
        self.dispatch = dispatch


class SegmentCycle(AddresseeError):
    """A saved segment would contain itself.

    Args:
        path: names of segments, each used by the previous one; the last equals the first.
    """

    code = "SEGMENT_CYCLE"

    def __init__(self, path: Sequence[str]) -> None:
        super().__init__(f"segment {path[0]} contains itself: {' → '.join(path)}")
        self.path = tuple(path)


class SegmentInUse(AddresseeError):
    """A saved segment can't be removed, since others use it.

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
    """An idempotency key was used before with another command or other arguments (R31)."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("the idempotency key was used before for another request")


class Conflict(AddresseeError):
    """A command lost too many races; nothing was recorded (R32).

    Args:
        stream: the stream that others wrote to.
        expected: the version that the command had read.
        actual: the stream's version now.
        problem: what happened, if not that the stream is at another version.
    """

    code = "CONFLICT"

    def __init__(self, stream: str, expected: int, actual: int, problem: str | None = None) -> None:
        super().__init__(problem or f"stream {stream} is at version {actual}, expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


def first_problem(details: Sequence[Mapping[str, Any]], *path: str) -> tuple[str, str]:
    """Return field and problem of pydantic's first error.

    Args:
        details: what ``ValidationError.errors()`` returns.
        path: names of the fields that contain the validated value.
    """
    first = details[0]
    # pydantic adds the branch of a union, such as ``function-before[text(), datetime]``.
    parts = [str(part) for part in first["loc"] if "[" not in str(part)]
    return ".".join((*path, *parts)), first["msg"]
