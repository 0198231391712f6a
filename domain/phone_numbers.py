"""Phone numbers: read as people and keyboards write them, and stored as E.164 digits (R2, R45)."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from . import limits
from .errors import PhoneInvalid

PHONE = re.compile(r"\+?[0-9 ().\-/]*[0-9][0-9 ().\-/]*", re.ASCII)
E164 = re.compile("[1-9][0-9]{2,19}")
"""The form of an international number; libphonenumber allows 3 digits of country code and 17."""
MINUS = "\u2212"
FULL_WIDTH = range(0xFF01, 0xFF5F)
"""Full-width forms of ASCII, in ASCII's order from ``!`` on."""


def e164(value: object, field: str) -> str:
    """Return a phone number as E.164 digits (R2).

    Its form is checked here. `check_possible` decides if it can be claimed: metadata changes, and
    a number that was stored once must stay valid (R45).

    Args:
        value: an international number of at most 50 characters, with or without ``+``; spaces,
            dots, dashes, slashes, brackets and invisible characters are removed.
        field: its name in an error.

    Raises:
        PhoneInvalid: it has other characters, or is not in international form.
    """
    if not isinstance(value, str):
        raise PhoneInvalid(field, "should be a string")
    if len(value) > limits.PHONE:
        raise PhoneInvalid(field, f"takes at most {limits.PHONE} characters, {len(value)} given")
    written = value if PHONE.fullmatch(value) else cleaned(value.strip(), field)
    digits = re.sub(r"[^0-9]", "", written)
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        canonical = digits
    else:
        canonical = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
    if not E164.fullmatch(canonical):
        raise PhoneInvalid(field, "is not an international number with its country code")
    return canonical


def cleaned(written: str, field: str) -> str:
    """Return a number with the characters of keyboards and copied text replaced (R45).

    Raises:
        PhoneInvalid: it has a character that no number has, which the error names.
    """
    kept: list[str] = []
    for character in written:
        category = unicodedata.category(character)
        if category == "Cf":
            continue
        if category == "Zs":
            kept.append(" ")
        elif category == "Pd" or character == MINUS:
            kept.append("-")
        elif ord(character) in FULL_WIDTH:
            kept.append(chr(ord(character) - FULL_WIDTH.start + ord("!")))
        else:
            kept.append(character)
    number = "".join(kept).strip()
    if not PHONE.fullmatch(number):
        odd = next((c for c in number.removeprefix("+") if c not in "0123456789 ().-/"), None)
        problem = "has no digits" if odd is None else f"has the character U+{ord(odd):04X}"
        raise PhoneInvalid(field, f"{problem}; a number has digits, separators and a leading +")
    return number


def check_possible(number: str, field: str) -> None:
    """Check that a number exists by the metadata of libphonenumber, before it is claimed (R2).

    Args:
        number: E.164 digits.
        field: its name in an error.

    Raises:
        PhoneInvalid: the country code is unknown, or no number of the country has this length; a
            number that is possible only locally is no msisdn.
    """
    try:
        parsed = phonenumbers.parse(f"+{number}")
    except phonenumbers.NumberParseException:
        raise PhoneInvalid(field, "has no country code or the wrong length") from None
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise PhoneInvalid(field, "is not a possible number of its country")
