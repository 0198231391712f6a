"""Audiences: boolean expressions that name installations (R33).

Built from Python operators, ``tag("vip") & ~os("ios") & primary``, or read from text by
`addressee.domain.audience_text`; both give the same tree, and its text reads back to the same tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .errors import InvalidValue
from .identity import identifier_of
from .terms import FACT_FIELDS, key_of
from .values import NAME_LIMIT, TEXT_LIMIT, identifier, text

IDENTIFIER_FIELDS = ("external_id", "msisdn", "email")
PLAIN_FIELDS = ("tag", "itag", "segment", "installation", "type", *FACT_FIELDS)
ATTRIBUTE_PREFIXES = ("attr.", "iattr.")
CONSTANTS = ("all", "primary")
"""Terms without a value."""

BARE = re.compile(r"""[^\s()"'!&|\\:]+(?::[^\s()"'!&|\\:]+)*""")
"""Values that need no quotes."""
BARE_NAME = re.compile(r"""[^\s()"'!&|\\:]+""")
"""Names of attributes that need no quotes: a colon would end them."""
KEYWORDS = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class Expression:
    """A boolean expression over installations; combine with ``&``, ``|`` and ``~``.

    A chain of operators copies its parts at each step; ``Or(tuple(many))`` joins many at once.
    """

    def __and__(self, other: Expression) -> And:
        """Both."""
        return And(flat(And, (self, other))) if composable(other) else NotImplemented

    def __or__(self, other: Expression) -> Or:
        """Either or both."""
        return Or(flat(Or, (self, other))) if composable(other) else NotImplemented

    def __invert__(self) -> Expression:
        """Every installation that this one does not name."""
        return self.part if isinstance(self, Not) else Not(self)

    def __str__(self) -> str:
        """Return text that reads back to this expression, whatever its depth."""
        pieces: list[str] = []
        waiting: list[Expression | str] = [self]
        while waiting:
            match waiting.pop():
                case And(parts):
                    waiting += between(" and ", parts, bracketed=Or)
                case Or(parts):
                    waiting += between(" or ", parts)
                case Not(part):
                    waiting += (part, "not ") if isinstance(part, Term) else (")", part, "not (")
                case piece:
                    pieces.append(str(piece))
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Term(Expression):
    """One leaf: ``field:value``, or a constant such as ``primary`` with no value.

    Args:
        field: its name; ``attr.`` and ``iattr.`` stand before the name of an attribute.
        value: in its compared form; the functions of this module bring it there.
    """

    field: str
    value: str = ""

    @property
    def key(self) -> str:
        """The term as the targeting index knows it."""
        return f"{key_of(self.field)}:{self.value}" if self.value else self.field

    def __str__(self) -> str:
        """Return text that reads back to this term."""
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


def flat(kind: type[And | Or], parts: Iterable[Expression]) -> tuple[Expression, ...]:
    """Return the parts with those of the same kind dissolved, since nesting them means nothing."""
    return tuple(
        inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))
    )


def composable(other: object) -> bool:
    """Whether an operator takes it: text must be read first, or it would fail when asked for."""
    return isinstance(other, Expression)


def between(
    word: str, parts: tuple[Expression, ...], bracketed: type[Expression] | None = None
) -> Iterator[Expression | str]:
    """Yield the parts from last to first with a word between them, and brackets round a kind."""
    for n, part in enumerate(reversed(parts)):
        if n:
            yield word
        yield from (")", part, "(") if bracketed and isinstance(part, bracketed) else (part,)


def term(field: str, value: str) -> Term:
    """Return the term ``field:value`` with its value in compared form.

    Raises:
        InvalidValue: there is no such field, or the value can't be one of it.
    """
    if field in IDENTIFIER_FIELDS:
        return Term(field, identifier_of(field, value).value)
    if field in FACT_FIELDS:
        return Term(field, text(field, value, TEXT_LIMIT, least=1).casefold())
    if field == "installation":
        return Term(field, identifier(field, value))
    if field == "type":
        lower = text(field, value, NAME_LIMIT).lower()
        if lower not in ("lead", "customer"):
            raise InvalidValue("type", "should be lead or customer")
        return Term(field, lower)
    if field in PLAIN_FIELDS:
        return Term(field, text(field, value, NAME_LIMIT, least=1))
    prefix, dot, name = field.partition(".")
    if f"{prefix}{dot}" in ATTRIBUTE_PREFIXES:
        text(f"{prefix} name", name, NAME_LIMIT, least=1)
        return Term(field, text(field, value, TEXT_LIMIT, least=1))
    known = ", ".join((*IDENTIFIER_FIELDS, *PLAIN_FIELDS, "attr.NAME", "iattr.NAME", *CONSTANTS))
    raise InvalidValue("field", f"is unknown; there are {known}")


def of_field(field: str) -> Callable[[str], Term]:
    """Return the function that makes terms of one field."""

    def make(value: str) -> Term:
        return term(field, value)

    make.__name__ = make.__qualname__ = field
    make.__doc__ = f"Return the term ``{field}:value``; raises InvalidValue."
    return make


external_id, msisdn, email = map(of_field, IDENTIFIER_FIELDS)
tag, itag, segment, installation, person_type = map(of_field, PLAIN_FIELDS[:5])
os, os_version, sdk_version, app_version, language = map(of_field, FACT_FIELDS[:5])
device_manufacturer, device_model, timezone, push_service = map(of_field, FACT_FIELDS[5:])


def attr(name: str, value: str) -> Term:
    """Return the term for an attribute of the person; raises InvalidValue."""
    return term(f"attr.{name}", value)


def iattr(name: str, value: str) -> Term:
    """Return the term for an attribute of the installation; raises InvalidValue."""
    return term(f"iattr.{name}", value)


def leaves(expression: Expression) -> frozenset[Term]:
    """Return the terms of an expression, each once."""
    found: set[Term] = set()
    waiting = [expression]
    while waiting:
        match waiting.pop():
            case Term() as leaf:
                found.add(leaf)
            case And(parts) | Or(parts):
                waiting += parts
            case Not(part):
                waiting.append(part)
            case _:
                pass
    return frozenset(found)


def quoted(value: str, bare: re.Pattern[str] = BARE) -> str:
    """Return a value as text needs it: in double quotes where it is odd."""
    if bare.fullmatch(value) and value.lower() not in KEYWORDS:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
