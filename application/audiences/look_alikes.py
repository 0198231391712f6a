"""Values that look like the value of a term and differ, so that an explanation shows why."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from addressee.domain import Installation, Person, Term

IGNORED = frozenset({"Cf", "Cc", "Zs"})
"""Categories of characters that nobody sees, or only as a gap."""


def look_alike(term: Term, installation: Installation, person: Person | None) -> str | None:
    """Return the code points of a term's value and of a held value that looks like it (R45).

    Args:
        term: a term that does not hold.
        installation: the installation that is explained.
        person: its person, if it has one.

    Returns:
        Text such as ``U+0065 U+0301, not U+00E9``; None where nothing that is held looks like it.
    """
    shown = appearance(term.value)
    for value in held_values(term.field, installation, person):
        if value != term.value and appearance(value) == shown:
            return f"{code_points(value)}, not {code_points(term.value)}"
    return None


def held_values(field: str, installation: Installation, person: Person | None) -> Iterable[str]:
    """Return the values of a field that the installation and its person have."""
    match field:
        case "installation":
            return (installation.name,)
        case "itag":
            return installation.tags
        case "tag":
            return person.tags if person else ()
        case "external_id" | "email":
            return person.values(field) if person else ()
        case _:
            return ()


def appearance(value: str) -> str:
    """Return a value as it appears: without form, width, case and invisible characters."""
    folded = unicodedata.normalize("NFKC", value).casefold()
    return "".join(each for each in folded if unicodedata.category(each) not in IGNORED)


def code_points(value: str) -> str:
    """Return the code points of a value."""
    return " ".join(f"U+{ord(each):04X}" for each in value)
