"""Where the postings of a term are not those that the ledger says (R37)."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from .event_consistency import Difference

NAMED = 10
"""How many installations a difference names of those that it concerns."""


def posting_differences(
    place: str, should: AbstractSet[str], has: AbstractSet[str], words: tuple[str, str]
) -> Iterator[Difference]:
    """Yield which installations a term lacks, and which it has and should not have.

    Args:
        place: which term.
        should: those that the ledger says.
        has: those that there are.
        words: what to say of those that are missing, and of those that are too many.
    """
    for problem, names in zip(words, (should - has, has - should), strict=True):
        if names:
            shown = ", ".join(sorted(names)[:NAMED])
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield Difference("term", place, f"{problem} {shown}{more}")
