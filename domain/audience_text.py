r"""Reads audiences from text (R33).

::

    any   = each { ("or" | "||") each }
    each  = one { ("and" | "&&") one }
    one   = ("not" | "!") one | "(" any ")" | "all" | "primary" | field ":" value
    field = name [ "." name ]
    value = name | '"' … '"' | "'" … "'"        with \" \' and \\ inside

Keywords in any case. A bare value runs to white space, a bracket, ``&&`` or ``||``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .audience import CONSTANTS, And, Expression, Or, Term, flat, term
from .errors import AddresseeError, ExpressionInvalid

DEPTH_LIMIT = 200
"""How deep brackets may nest; the number of terms has no limit."""

TOKEN = re.compile(
    r"""\s*(?:
      (?P<sign>\(|\)|&&|\|\||!)
    | (?P<field>[A-Za-z_]+(?:\.(?:[^\s:()"']+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))?)\s*:
      \s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:(?!&&|\|\|)[^\s()"'])+)?
    | (?P<word>[A-Za-z_.]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
SIGNS = {"&&": "and", "||": "or", "!": "not", "(": "(", ")": ")"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text: an operator or bracket as ``kind``, or ``term`` with its leaf."""

    kind: str
    column: int
    leaf: Term | None = None


def as_expression(audience: str | Expression) -> Expression:
    """Return an expression as it is, and text as the expression it means.

    Raises:
        ExpressionInvalid: the text can't be read; the error names the column.
    """
    return audience if isinstance(audience, Expression) else parse(audience)


def parse(audience: str) -> Expression:
    """Return the expression that a text means; raises ExpressionInvalid with the column."""
    return Parser(tokens(audience)).parse()


def tokens(audience: object) -> list[Token]:
    """Split a text into tokens, the last of them ``end``; raises ExpressionInvalid."""
    if not isinstance(audience, str):
        raise ExpressionInvalid("should be a text or an expression", 1)
    found: list[Token] = []
    at, end = 0, len(audience.rstrip())
    while at < end:
        match = TOKEN.match(audience, at)
        if match is None:
            column = at + len(audience[at:]) - len(audience[at:].lstrip()) + 1
            raise ExpressionInvalid("expected a term, an operator or a bracket", column)
        found.append(token(match))
        at = match.end()
    return [*found, Token("end", end + 1)]


def token(match: re.Match[str]) -> Token:
    """Return the token that was matched; raises ExpressionInvalid for a term that can't be."""
    sign, field, value, word = match.group("sign", "field", "value", "word")
    if sign is not None:
        return Token(SIGNS[sign], match.start("sign") + 1)
    if field is not None:
        column = match.start("field") + 1
        if value is None:
            raise ExpressionInvalid("expected a value behind the colon", match.end() + 1)
        prefix, dot, name = field.partition(".")
        try:
            leaf = term(f"{prefix.lower()}{dot}{unquoted(name)}", unquoted(value))
        except AddresseeError as error:
            raise ExpressionInvalid(str(error), column) from None
        return Token("term", column, leaf)
    column, lower = match.start("word") + 1, word.lower()
    if lower in CONSTANTS:
        return Token("term", column, Term(lower))
    if lower in ("and", "or", "not"):
        return Token(lower, column)
    raise ExpressionInvalid("expected field:value, all or primary", column)


def unquoted(value: str) -> str:
    """Return what stands in quotes, with its escapes resolved; anything else as it is."""
    if value[:1] in ('"', "'"):
        return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    return value


class Parser:
    """Recursive descent over tokens; the depth is bounded, the width is not."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0

    def parse(self) -> Expression:
        """Return the whole expression."""
        if self._next.kind == "end":
            raise ExpressionInvalid("is empty; expected a term", 1)
        expression = self._any()
        if self._next.kind != "end":
            problem = (
                "no bracket is open" if self._next.kind == ")" else "expected and, or, the end"
            )
            raise ExpressionInvalid(problem, self._next.column)
        return expression

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, kind: str) -> bool:
        taken = self._next.kind == kind
        self._at += taken
        return taken

    def _any(self) -> Expression:
        parts = [self._each()]
        while self._take("or"):
            parts.append(self._each())
        return Or(flat(Or, parts)) if len(parts) > 1 else parts[0]

    def _each(self) -> Expression:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return And(flat(And, parts)) if len(parts) > 1 else parts[0]

    def _one(self) -> Expression:
        negated = False
        while self._take("not"):
            negated = not negated
        part = self._bracket()
        return ~part if negated else part

    def _bracket(self) -> Expression:
        opened = self._next
        if self._take("("):
            self._depth += 1
            if self._depth > DEPTH_LIMIT:
                raise ExpressionInvalid(f"brackets nest deeper than {DEPTH_LIMIT}", opened.column)
            inner = self._any()
            if not self._take(")"):
                problem = f"expected ) for the bracket of column {opened.column}"
                raise ExpressionInvalid(problem, self._next.column)
            self._depth -= 1
            return inner
        if opened.leaf is None:
            raise ExpressionInvalid("expected a term, not or a bracket", opened.column)
        self._at += 1
        return opened.leaf
