"""Expansion of saved segments inside an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from addressee.domain import (
    And,
    Expression,
    ExpressionInvalid,
    LimitExceeded,
    Limits,
    Not,
    Or,
    SegmentCycle,
    Term,
    UnknownSegment,
    as_expression,
    leaves,
)
from addressee.domain.audiences.parser import too_deep
from addressee.domain.limits import DEFAULT

Lookup = Callable[[str], str | None]
"""From a segment's name to its expression's text, if it is defined."""


def uses(expression: Expression) -> set[str]:
    """Return the names of the segments that an expression uses itself."""
    return {leaf.value for leaf in leaves(expression) if leaf.field == "segment"}


def expanded(
    expression: Expression,
    text_of: Lookup,
    within: str | None = None,
    most: Limits = DEFAULT,
) -> Expression:
    """Return an expression with every segment in it replaced, and those inside them.

    Args:
        expression: the audience.
        text_of: finds segments.
        within: the segment that the expression is to define, if it is.
        most: limits of the whole.

    Raises:
        UnknownSegment: one is not defined.
        SegmentCycle: one contains itself.
        ExpressionInvalid: the whole has more levels, by default than 200.
        LimitExceeded: the whole has more terms, by default than 100,000.
    """
    if not uses(expression):
        return expression
    expansion = Expansion(text_of, [] if within is None else [within], most)
    return as_expression(expansion.of(expression, 1), most)


class Expansion:
    """Replaces segments, each looked up once."""

    def __init__(self, text_of: Lookup, path: list[str], most: Limits) -> None:
        self._text_of = text_of
        self._path = path
        self._most = most
        self._known: dict[str, tuple[Expression, int]] = {}
        self._terms = 0

    def of(self, expression: Expression, level: int) -> Expression:
        """Return an expression of a level with its segments replaced."""
        if max(level, len(self._path)) > self._most.levels:
            raise ExpressionInvalid(too_deep(self._most.levels), 1)
        match expression:
            case Term(field="segment"):
                return self._segment(expression.value, level)
            case And(parts):
                return And(tuple(flat(And, (self.of(part, level + 1) for part in parts))))
            case Or(parts):
                return Or(tuple(flat(Or, (self.of(part, level + 1) for part in parts))))
            case Not(part):
                return ~self.of(part, level + 1)
            case _:
                self._count(1)
                return expression

    def _segment(self, name: str, level: int) -> Expression:
        if name in self._known:
            found, terms = self._known[name]
            self._count(terms)
            return found
        if name in self._path:
            raise SegmentCycle([*self._path[self._path.index(name) :], name])
        text = self._text_of(name)
        if text is None:
            raise UnknownSegment(name)
        before = self._terms
        self._path.append(name)
        found = self.of(as_expression(text), level)
        self._path.pop()
        self._known[name] = found, self._terms - before
        return found

    def _count(self, terms: int) -> None:
        self._terms += terms
        if self._terms > (most := self._most.terms):
            raise LimitExceeded("expression with its segments", most, self._terms, "terms")


def flat(kind: type[And | Or], parts: Iterable[Expression]) -> Iterable[Expression]:
    """Yield parts, and instead of those of the same kind their own."""
    for part in parts:
        if isinstance(part, And | Or) and isinstance(part, kind):
            yield from part.parts
        else:
            yield part
