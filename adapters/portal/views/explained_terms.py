"""The terms of an explanation, as an operator may see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from addressee.application import TermExplanation
from addressee.domain import as_expression, leaves

from .masking import Masking

LOOKS_ALIKE = "a held value looks alike"
"""What a look-alike is to whom held values are masked for: its code points would spell it out."""


def explained_terms(
    terms: Iterable[TermExplanation], typed: str, masking: Masking
) -> list[TermExplanation]:
    """Return the terms with their look-alikes in words.

    Where personal data is masked, the operator's own terms stay as typed, and come first: among
    them, the place of a masked one would tell its value. Terms of saved segments are masked.

    Args:
        terms: of an explanation.
        typed: the audience as the operator has written it.
        masking: how the operator sees personal data.
    """
    if not masking.masked:
        return [*map(in_words, terms)]
    known = leaves(as_expression(typed))
    own: list[TermExplanation] = []
    others: list[TermExplanation] = []
    for each in terms:
        told = replace(each, look_alike=LOOKS_ALIKE if each.look_alike else None)
        [term] = leaves(as_expression(each.term))
        if term in known:
            own.append(told)
        else:
            others.append(replace(told, term=str(masking.term(term))))
    return [*own, *sorted(others, key=lambda each: (each.term, not each.holds, each.position or 0))]


def in_words(term: TermExplanation) -> TermExplanation:
    """Return a term with its look-alike in words."""
    if term.look_alike is None:
        return term
    return replace(term, look_alike=f"looks alike, differs: {term.look_alike}")
