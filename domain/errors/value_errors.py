"""Errors of values: wrong types, forms and sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .base import AddresseeError


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
