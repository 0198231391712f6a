"""Errors of commands on installations and persons, and between the two."""

from __future__ import annotations

from .base import AddresseeError


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


class NotPersonalized(AddresseeError):
    """A command needs an installation that belongs to a person (R25)."""

    code = "NOT_PERSONALIZED"

    def __init__(self, installation: str) -> None:
        super().__init__(f"installation {installation} belongs to nobody")
        self.installation = installation
