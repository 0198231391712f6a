r"""Parses audiences from text (R33).

::

    any   = each { ("or" | "||") each }
    each  = one { ("and" | "&&") one }
    one   = ("not" | "!") one | "(" any ")" | "all" | "primary" | field ":" value
    field = name [ "." name ]
    value = name | '"' … '"' | "'" … "'"        with \" \' and \\ inside

Keywords are case-insensitive. A bare value ends at white space, a bracket, ``&&`` or ``||``; it may
contain quotes, but not start with one. Redundant brackets count as no level.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .. import limits
from ..errors import AddresseeError, ExpressionInvalid, LimitExceeded
from ..limits import DEFAULT, Limits
from .expression import CONSTANTS, And, Expression, Not, Or, Term, term

TOKEN = re.compile(
    r"""\s*(?:
      (?P<sign>\(|\)|&&|\|\||!)
    | (?P<field>[A-Za-z_]+(?:\.(?:[^\s:()"']+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))?)\s*:
      \s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?!["'])(?:(?!&&|\|\|)[^\s()])+)?
    | (?P<word>[A-Za-z_.]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
UNKNOWN_ESCAPE = re.compile(r"""(?:[^\\]|\\["'\\])*?(?P<escape>\\[^"'\\])""", re.DOTALL)
TOO_MANY_BRACKETS = f"has more than {limits.BRACKETS} opening brackets and nots"
SIGNS = {"&&": "and", "||": "or", "!": "not", "(": "(", ")": ")"}


class Token(NamedTuple):
    """A token: ``kind`` is an operator, a bracket, ``end``, or ``term`` with its leaf."""

    kind: str
    column: int
    leaf: Term | None = None


def as_expression(audience: str | Expression, most: Limits = DEFAULT) -> Expression:
    """Return an expression unchanged, or the expression that a text means (R33).

    Args:
        audience: either of them.
        most: limits of its characters, terms and levels.

    Raises:
        ExpressionInvalid: the text is not valid, with the column, or has more than 100,000 opening
            brackets and nots; or the expression has more levels, by default than 200, or a part of
            another type, with column 1.
        LimitExceeded: it has more terms, by default than 100,000, or the text more characters, by
            default than 4,000,000 (R57).
    """
    if not isinstance(audience, Expression):
        return parse(audience, most)
    level: Sequence[object] = [audience]
    levels = terms = 0
    while level:
        inner: list[object] = []
        for part in level:
            match part:
                case Term(field=str(), value=str()):
                    terms += 1
                case And(parts=tuple() as parts) | Or(parts=tuple() as parts) if parts:
                    inner += parts
                case Not(part=one):
                    inner.append(one)
                case _:
                    raise ExpressionInvalid("should be made of terms, And, Or and Not", 1)
        if inner and levels >= most.levels:
            raise ExpressionInvalid(too_deep(most.levels), 1)
        check_terms(terms + len(inner), most)
        level = inner
        levels += 1
    return audience


def too_deep(levels: int) -> str:
    """Return the problem of an expression with more levels."""
    return f"nests deeper than {levels} levels of and, or, not"


def check_terms(count: int, most: Limits) -> None:
    """Raise LimitExceeded for an expression with too many terms (R57)."""
    if count > most.terms:
        raise LimitExceeded("expression", most.terms, count, "terms")


def parse(audience: str, most: Limits = DEFAULT) -> Expression:
    """Return the expression that a text means (R33); raises as `as_expression`."""
    # A list instead of recursion: the depth of brackets must not depend on the host's call stack.
    opened = [Bracket(1, negated=False)]
    negated, operand, terms = False, True, 0
    for token in tokens(audience, most):
        if operand:
            if token.leaf is not None:
                check_terms(terms := terms + 1, most)
                opened[-1].add(token.leaf, 0, negated=negated)
                negated = operand = False
            elif token.kind == "not":
                negated = not negated
            elif token.kind == "(":
                opened.append(Bracket(token.column, negated=negated))
                negated = False
            else:
                raise ExpressionInvalid("expected a term, not or a bracket", token.column)
        elif token.kind in ("and", "or"):
            operand = True
            if token.kind == "or":
                opened[-1].end_conjunction()
        elif token.kind == ")" and len(opened) > 1:
            inner = opened.pop()
            opened[-1].add(*inner.closed(most.levels), negated=inner.negated)
        elif token.kind != "end" or len(opened) > 1:
            end = f") for the bracket of column {opened[-1].column}" if opened[1:] else "the end"
            problem = "no bracket is open" if token.kind == ")" else f"expected and, or, {end}"
            raise ExpressionInvalid(problem, token.column)
    return flattened(opened[0].closed(most.levels)[0])


Operands = list[tuple[Expression, int]]
"""Operands of one operator, each with its final depth."""


class Bracket:
    """The operands since an open bracket, or since the start; each with its final depth."""

    __slots__ = ("_conjunction", "_disjunction", "column", "negated")

    def __init__(self, column: int, *, negated: bool) -> None:
        self.column = column
        self.negated = negated
        # Lists are made when needed: Python's collector of cyclic garbage would search those of
        # 100,000 open brackets while nothing else runs.
        self._disjunction: Operands | None = None
        self._conjunction: Operands | None = None

    def add(self, part: Expression, depth: int, *, negated: bool) -> None:
        """Add an operand."""
        if negated:
            depth += -1 if isinstance(part, Not) else 1
            part = ~part
        self._conjunction = appended(self._conjunction, (part, depth))

    def end_conjunction(self) -> None:
        """End the current conjunction, at ``or`` or at the end."""
        self._disjunction = appended(self._disjunction, joined(And, self._conjunction or []))
        self._conjunction = None

    def closed(self, levels: int) -> tuple[Expression, int]:
        """Return the bracket's expression and its depth; raises ExpressionInvalid."""
        if self._disjunction or len(self._conjunction or ()) > 1:
            self.end_conjunction()
        part, depth = joined(Or, self._disjunction or self._conjunction or [])
        if depth > levels:
            raise ExpressionInvalid(too_deep(levels), self.column)
        return part, depth


def appended(known: Operands | None, one: tuple[Expression, int]) -> Operands:
    """Return a list with one more operand, the same list if there is one."""
    if known is None:
        return [one]
    known.append(one)
    return known


def joined(kind: type[And | Or], parts: Operands) -> tuple[Expression, int]:
    """Return the parts under one operator, not flattened yet: per bracket that is quadratic."""
    if len(parts) == 1:
        return parts[0]
    depth = 1 + max(depth - isinstance(part, kind) for part, depth in parts)
    return kind(tuple(part for part, _ in parts)), depth


def flattened(expression: Expression) -> Expression:
    """Return an expression of bounded depth with no And directly in an And, no Or in an Or."""
    if not isinstance(expression, And | Or):
        return Not(flattened(expression.part)) if isinstance(expression, Not) else expression
    found: list[Expression] = []
    waiting = [*reversed(expression.parts)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, And | Or) and type(part) is type(expression):
            waiting += reversed(part.parts)
        else:
            found.append(flattened(part))
    return type(expression)(tuple(found))


def tokens(audience: object, most: Limits) -> Iterator[Token]:
    """Yield the tokens of a text, ``end`` last; raises ExpressionInvalid."""
    if not isinstance(audience, str):
        raise ExpressionInvalid("should be text or an expression", 1)
    if len(audience) > most.expression:
        raise LimitExceeded("expression", most.expression, len(audience))
    at, end, brackets = 0, len(audience.rstrip()), 0
    if not end:
        raise ExpressionInvalid("is empty; expected a term", 1)
    while at < end:
        match = TOKEN.match(audience, at)
        if match is None:
            column = len(audience) - len(audience[at:].lstrip()) + 1
            raise ExpressionInvalid("expected a term, an operator or a bracket", column)
        token = token_of(match)
        brackets += token.kind in ("(", "not")
        if brackets > limits.BRACKETS:
            raise ExpressionInvalid(TOO_MANY_BRACKETS, token.column)
        yield token
        at = match.end()
    yield Token("end", end + 1)


def token_of(match: re.Match[str]) -> Token:
    """Return the token of a match; raises ExpressionInvalid for an invalid term."""
    if match.lastgroup == "sign":
        return Token(SIGNS[match["sign"]], match.start("sign") + 1)
    field, value, word = match.group("field", "value", "word")
    quote = match.string[match.end() : match.end() + 1] in ('"', "'")
    if field is not None:
        column = match.start("field") + 1
        if value is None:
            problem = "the quote is not closed" if quote else "expected a value after the colon"
            raise ExpressionInvalid(problem, match.end() + 1)
        prefix, dot, name = field.partition(".")
        name = unquoted(name, match.start("field") + len(prefix) + 1)
        content = unquoted(value, match.start("value"))
        try:
            leaf = term(f"{prefix.lower()}{dot}{name}", content)
        except AddresseeError as error:
            raise ExpressionInvalid(str(error), column) from None
        return Token("term", column, leaf)
    column, lower = match.start("word") + 1, word.lower()
    if lower in CONSTANTS:
        return Token("term", column, Term(lower))
    if lower in ("and", "or", "not"):
        return Token(lower, column)
    if quote and lower.endswith("."):
        raise ExpressionInvalid("expected a closed quote followed by a colon", match.end() + 1)
    raise ExpressionInvalid("expected field:value, all or primary", column)


def unquoted(value: str, start: int) -> str:
    r"""Return the content of quotes with its escapes resolved, or a bare value unchanged.

    Args:
        value: the value as written.
        start: its place in the text, from 0.

    Raises:
        ExpressionInvalid: a backslash stands before another character than a quote or backslash.
            Dropped in silence, the ``\u200b`` of JSON would select something else.
    """
    if value[:1] not in ('"', "'"):
        return value
    if odd := UNKNOWN_ESCAPE.match(value):
        problem = "a backslash escapes a quote or a backslash only; double it to write it"
        raise ExpressionInvalid(problem, start + odd.start("escape") + 1)
    return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
