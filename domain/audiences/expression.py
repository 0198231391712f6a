"""Audiences: Boolean expressions that select installations (R33).

Expressions are built with Python operators, ``tag("vip") & ~os("ios") & primary``, or parsed from
text by `addressee.domain.audiences.parser`. Both give the same tree, and the text of a tree parses
back to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .. import limits
from ..errors import InvalidValue
from ..person_identifiers import KINDS, Identifier, identifier_of
from ..values import composed, identifier, text
from .index_terms import FACT_FIELDS, fact_text, key_of

PLAIN_FIELDS = ("tag", "itag", "installation", "segment", "type", *FACT_FIELDS)
ATTRIBUTE_PREFIXES = ("attr.", "iattr.")
CONSTANTS = ("all", "primary")
"""Terms without a value."""

BARE = re.compile(r"""[^\s()"'!&|\\:]+(?::[^\s()"'!&|\\:]+)*""")
"""Matches values that need no quotes."""
BARE_NAME = re.compile(r"""[^\s()"'!&|\\:]+""")
"""Matches attribute names that need no quotes; a colon would end the name."""
KEYWORDS = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class Expression:
    """A Boolean expression; combine with ``&``, ``|``, ``~``, thousands with ``Or(tuple(…))``."""

    def __and__(self, other: Expression) -> And:
        """Return the conjunction of both."""
        return combined(And, self, other)

    def __or__(self, other: Expression) -> Or:
        """Return the disjunction of both."""
        return combined(Or, self, other)

    def __invert__(self) -> Expression:
        """Return the expression of all installations that this one does not select."""
        return self.part if isinstance(self, Not) else Not(self)

    def __str__(self) -> str:
        """Return text that parses back to this expression."""
        pieces: list[str] = []
        waiting: list[Expression | str] = [self]  # no recursion: the host's stack may be deep
        while waiting:
            match waiting.pop():
                case And(parts) | Or(parts) as joint:
                    tight = isinstance(joint, And)
                    for n, part in enumerate(reversed(parts)):
                        waiting += (" and " if tight else " or ",) if n else ()
                        waiting += (")", part, "(") if tight and isinstance(part, Or) else (part,)
                case Not(part):
                    waiting += (part, "not ") if isinstance(part, Term) else (")", part, "not (")
                case piece:
                    pieces.append(str(piece))
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Term(Expression):
    """One leaf: ``field:value``, or a constant such as ``primary`` with no value.

    Args:
        field: name of the field; attributes have the prefix ``attr.`` or ``iattr.``.
        value: the value in canonical form; use `term` or the functions below to convert it.
    """

    field: str
    value: str = ""

    @property
    def key(self) -> str:
        """The term as the targeting index stores it."""
        return f"{key_of(self.field)}:{self.value}" if self.value else self.field

    @property
    def identifier(self) -> Identifier | None:
        """The identifier that the term names; None for any other field."""
        return Identifier(self.field, self.value) if self.field in KINDS else None

    def __str__(self) -> str:
        """Return text that parses back to this term."""
        prefix, dot, name = self.field.partition(".")
        field = f"{prefix}.{quoted(name, BARE_NAME)}" if dot else prefix
        return f"{field}:{quoted(self.value)}" if self.value else field


@dataclass(frozen=True, slots=True)
class And(Expression):
    """All parts hold; two or more, none of them an And."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Expression):
    """At least one part holds; two or more, none of them an Or."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """The part does not hold; it is no Not itself."""

    part: Expression


primary = Term("primary")
"""The person's primary installation of the application (R23)."""
everyone = Term("all")
"""Every installation; ``all`` in text."""


Joint = TypeVar("Joint", And, Or)


def combined(kind: type[Joint], one: Expression, other: object) -> Joint:
    """Return both under one operator; operands that have the same operator are flattened."""
    if isinstance(other, Expression):
        left, right = (x.parts if isinstance(x, kind) else (x,) for x in (one, other))
        return kind(left + right)
    raise TypeError("operators combine expressions; as_expression parses text")


def term(field: str, value: str) -> Term:
    """Return the term ``field:value`` with its value in canonical form.

    Raises:
        InvalidValue: the field is unknown, or the value is not valid for it.
    """
    if field in KINDS:
        return Term(field, identifier_of(field, value).value)
    if field in FACT_FIELDS:
        return Term(field, fact_text(text(field, value, limits.TEXT, least=1)))
    if field == "installation":
        return Term(field, identifier(field, value))
    if field == "type":
        if (lower := text(field, value, limits.NAME).lower()) not in ("lead", "customer"):
            raise InvalidValue("type", "should be lead or customer")
        return Term(field, lower)
    if field in PLAIN_FIELDS:
        return Term(field, composed(text(field, value, limits.NAME, least=1)))
    prefix, dot, name = text("field", field, limits.TEXT).partition(".")
    if f"{prefix}{dot}" in ATTRIBUTE_PREFIXES:
        text(f"{prefix} name", name, limits.NAME, least=1)
        return Term(field, composed(text(field, value, limits.TEXT, least=1)))
    known = ", ".join((*KINDS, *PLAIN_FIELDS, "attr.NAME", "iattr.NAME", *CONSTANTS))
    raise InvalidValue("field", f"is unknown; there are {known}")


def of_field(field: str) -> Callable[[str], Term]:
    """Return the constructor for terms of one field."""

    def make(value: str) -> Term:
        return term(field, value)

    make.__name__ = make.__qualname__ = field
    make.__doc__ = f"Return the term ``{field}:value``; raises InvalidValue."
    return make


external_id, msisdn, email = map(of_field, KINDS)
tag, itag, installation, segment, person_type = map(of_field, PLAIN_FIELDS[:5])
os, os_version, sdk_version, app_version, language = map(of_field, FACT_FIELDS[:5])
device_manufacturer, device_model, timezone, push_service = map(of_field, FACT_FIELDS[5:])


def attr(name: str, value: str) -> Term:
    """Return the term for an attribute of the person; raises InvalidValue."""
    return term(f"attr.{name}", value)


def iattr(name: str, value: str) -> Term:
    """Return the term for an attribute of the installation; raises InvalidValue."""
    return term(f"iattr.{name}", value)


def leaves(expression: Expression) -> frozenset[Term]:
    """Return the distinct terms of an expression."""
    found: set[Term] = set()
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Term):  # a match statement takes twice the time
            found.add(part)
        elif isinstance(part, And | Or):
            waiting += part.parts
        elif isinstance(part, Not):
            waiting.append(part.part)
    return frozenset(found)


def quoted(value: str, bare: re.Pattern[str] = BARE) -> str:
    """Return a value as text writes it: in double quotes where the grammar needs them."""
    if bare.fullmatch(value) and value.lower() not in KEYWORDS:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
