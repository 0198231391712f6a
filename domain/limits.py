"""Limits of everything that callers send, in one table that docs/limits.md is checked against."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InvalidValue

TEXT = 4096
"""Largest size of an attribute's value, in characters, of a list of objects as JSON (R4, R46)."""
NAME = 256
"""Longest id, external id, tag and attribute name, in characters (R1, R4)."""
CONTACTS = 100
"""Largest number of a person's msisdns, and of a person's e-mails (R4)."""
MERGED = 100
"""Largest number of persons that are seen as one (R52)."""
ISSUERS = 10
"""Largest number of identity providers that one application trusts."""
AUDIENCES = 10
"""Largest number of audiences that are accepted of one identity provider."""
URL = 2048
"""Longest URL, issuer and audience of an identity provider, in characters."""
EMAIL = 255
"""Longest e-mail address, in characters (R3)."""
PHONE = 50
"""Longest phone number as written, in characters (R2)."""
TIME = 64
"""Longest time as text, in characters."""
TAGS_PER_COMMAND = 10_000
"""Largest number of tags that one command adds, removes or sets (R57)."""
ATTRIBUTES_PER_COMMAND = 10_000
"""Largest number of attributes that one command sets or removes (R57)."""
JSON_VALUES = 30_000
"""Largest number of values in a JSON text, names of objects not counted (R57)."""
DEPTH = 200
"""Largest number of levels of and, or and not in an expression (R33)."""
TERMS = 100_000
"""Largest number of terms in an expression with its segments, repetitions included (R57)."""
SEGMENT = 100
"""Longest name of a segment, in characters."""
SEGMENT_STREAM = 290
"""Largest length of a segment's name and its application's code together, in characters."""
EXPRESSION = 4_000_000
"""Longest text of an expression, in characters (R57)."""
BRACKETS = 100_000
"""Largest number of opening brackets and nots in the text of an expression (R57)."""
DAYS_AHEAD = 366
"""Largest number of days from the order of a push to its start."""


NONE_IDS = frozenset(
    {
        "undefined",
        "none",
        "nil",
        "nan",
        "[object object]",
        "anonymous",
        "guest",
        "00000000-0000-0000-0000-000000000000",
    }
)
"""External ids that clients send for "nobody", in lower case (R44)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one application, which its operator can change (R44, R57).

    Those of expressions hold for the text of a query and for the whole of a segment.

    Args:
        attributes: largest number of attributes of a person, and of an installation.
        tags: largest number of tags of a person, and of an installation.
        tagging: largest product of changed tags and the person's installations in one command.
        none_ids: external ids that stand for nobody, in lower case; none of them can sign in.
        expression: largest number of characters of an expression.
        terms: largest number of terms of an expression, repetitions included.
        levels: largest number of levels of and, or and not in an expression.

    Raises:
        InvalidValue: a number is of another type, negative, or of an expression and too large.
    """

    attributes: int = 256
    tags: int = 1_000
    tagging: int = 20_000
    none_ids: frozenset[str] = NONE_IDS
    expression: int = EXPRESSION
    terms: int = TERMS
    levels: int = DEPTH

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("attributes", "tags", "tagging"):
            check_number(name, getattr(self, name))
        for name, most in (("expression", EXPRESSION), ("terms", TERMS), ("levels", DEPTH)):
            check_number(name, getattr(self, name), most)


def check_number(name: str, given: object, most: int | None = None) -> None:
    """Raise InvalidValue for what is no limit."""
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise InvalidValue(name, "should be a whole number of 0 or more")
    if most is not None and given > most:
        raise InvalidValue(name, f"should be at most {most}")


DEFAULT = Limits()
"""The limits of applications without settings of their own."""
LEAST = Limits(expression=1_000, terms=100, levels=20)
"""The lowest limits of expressions that an application can have."""
