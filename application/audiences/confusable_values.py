"""Values that look like the value of a term and differ, so that an explanation shows why."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from addressee.domain import Installation, Person, Term

FIELDS = ("installation", "itag", "tag", "external_id")
IGNORED = frozenset({"Cf", "Cc", "Zs"})
"""Categories of characters that nobody sees, or only as a gap."""


def look_alikes(
    terms: Iterable[Term], installation: Installation, person: Person | None
) -> Mapping[Term, str]:
    """Return the code points of terms' values and of held values that look like them (R45).

    Args:
        terms: terms that do not hold.
        installation: the installation that is explained.
        person: its person, if it has one.

    Returns:
        Term → text such as ``U+0065 U+0301, not U+00E9``, where a held value looks like the term's.
    """
    held = {
        (field, appearance(value)): value
        for field in FIELDS
        for value in held_values(field, installation, person)
    }
    found = ((term, held.get((term.field, appearance(term.value)))) for term in terms)
    return {
        term: f"{code_points(value)}, not {code_points(term.value)}"
        for term, value in found
        if value is not None and value != term.value
    }


def held_values(field: str, installation: Installation, person: Person | None) -> Iterable[str]:
    """Return the values of a field that the installation and its person have."""
    match field:
        case "installation":
            return (installation.name,)
        case "itag":
            return installation.tags
        case "tag":
            return person.tags if person else ()
        case _:
            return person.values(field) if person else ()


def appearance(value: str) -> str:
    """Return a value as it appears: without form, width, case and invisible characters."""
    folded = unicodedata.normalize("NFKC", value).casefold()
    return "".join(each for each in folded if unicodedata.category(each) not in IGNORED)


def code_points(value: str) -> str:
    """Return the code points of a value."""
    return " ".join(f"U+{ord(each):04X}" for each in value)
