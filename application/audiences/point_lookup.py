"""Expressions that name one person or one installation, which stores look up by one statement."""

from __future__ import annotations

from typing import Literal

from addressee.domain import And, Expression, IdentifierClaim, Term
from addressee.domain.audiences.index_terms import ALL, FLAGS, PRIMARY, REACHABLE

from ..ports.records import Lookup


def lookup_of(
    application: str, expression: Expression, key: bytes, *, include_disabled: bool
) -> Lookup | None:
    """Return the lookup that an expression is, of any number of hits; None if it is none.

    Args:
        application: its code.
        expression: the audience: an identifier or an installation, with ``primary`` or without.
        key: the store's identifier key.
        include_disabled: whether installations with a push flag off count too.
    """
    flags = FLAGS[ALL if include_disabled else REACHABLE]
    by: Literal["claim", "installation"] | None = None
    name = ""
    for part in expression.parts if isinstance(expression, And) else (expression,):
        if not isinstance(part, Term):
            return None
        if part.field in (PRIMARY, ALL):
            flags |= FLAGS[part.field]
        elif by is not None:
            return None
        elif (identifier := part.identifier) is not None:
            by, name = "claim", IdentifierClaim.on(identifier, key).id
        elif part.field == "installation":
            by, name = "installation", part.value
        else:
            return None
    if by is None:
        return None
    return Lookup(application, by, name, flags, first=0, limit=0, addresses=False)
