"""Masks in place of personal data, for roles that may not see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from addressee.application import Message
from addressee.application.rights.own_events import facts_shown
from addressee.domain import (
    And,
    Expression,
    Identifier,
    Not,
    Or,
    Scalar,
    Term,
    Value,
    as_expression,
)
from addressee.domain.audiences.expression import ATTRIBUTE_PREFIXES

HIDDEN = "•••"


@dataclass(frozen=True, slots=True)
class Masking:
    """Shows values to one operator.

    Push tokens and the like are masked for everybody: with them one may be able to send.

    Attributes:
        masked: whether personal data is masked.
    """

    masked: bool

    def identifier(self, identifier: Identifier) -> str:
        """Return an identifier, or enough of it to recognize one that is known."""
        kind, value = identifier
        if not self.masked:
            return value
        if kind == "email":
            name, _, domain = value.rpartition("@")
            return f"{name[:1]}{HIDDEN}@{domain}"
        if kind == "msisdn":
            return f"{HIDDEN}{value[-3:]}"
        return f"{value[:1]}{HIDDEN}"

    def expression(self, text: str) -> str:
        """Return an audience, with masks in place of its identifiers and values of attributes."""
        return str(self._of(as_expression(text))) if self.masked else text

    def _of(self, audience: Expression) -> Expression:
        match audience:
            case And(parts):
                return And(tuple(map(self._of, parts)))
            case Or(parts):
                return Or(tuple(map(self._of, parts)))
            case Not(part):
                return Not(self._of(part))
            case Term() as term:
                return self.term(term)
            case _:
                return audience

    def term(self, term: Term) -> Term:
        """Return a term of an audience, with a mask in place of what is personal."""
        if self.masked and term.identifier is not None:
            return Term(term.field, self.identifier(term.identifier))
        if self.masked and term.field.startswith(ATTRIBUTE_PREFIXES):
            return Term(term.field, HIDDEN)
        return term

    def text(self, value: object) -> str:
        """Return a value as text, or a mask."""
        return HIDDEN if self.masked else written(value)

    def title(self, message: Message | None) -> str:
        """Return what a push is known by in lists: its title, or its text, or that it has none.

        A backend may write to one person: "Your order is ready, Ali". So roles that see no personal
        data see no texts of pushes either, whoever wrote them.
        """
        if message is None:
            return "deleted"
        if not (message.title or message.body):
            return "silent: data for the app alone"
        return self.text(message.title or message.body)

    def values(self, given: Mapping[str, Value]) -> dict[str, str]:
        """Return name → value as text, sorted by name."""
        return {name: self.text(value) for name, value in sorted(given.items())}

    def tags(self, names: Collection[str]) -> list[str]:
        """Return tags, sorted; one mask for all of them, which does not tell how many they are."""
        return [HIDDEN] if self.masked and names else sorted(names)

    def facts(self, given: Mapping[str, Scalar | None]) -> dict[str, str]:
        """Return the facts of a device as text, sorted by name."""
        shown = facts_shown(given, addresses=False)
        return {name: self.text(value) for name, value in sorted(shown.items())}


def written(value: object) -> str:
    """Return a value as people read it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        named = cast("Mapping[str, object]", value)
        return ", ".join(f"{name}: {written(each)}" for name, each in named.items())
    if isinstance(value, tuple | list | set | frozenset):
        return ", ".join(map(written, cast("Iterable[object]", value)))
    return str(value)
