"""Identifiers: external id, msisdns and e-mails, in canonical form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple, Self, get_args

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from .errors import EmailInvalid, InvalidValue, LimitExceeded, PhoneInvalid, first_problem
from .values import NAME_LIMIT, items, text

Kind = Literal["external_id", "msisdn", "email"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind of identifier, in the order of an identity."""

EMAIL_LIMIT = 255
PHONE_LIMIT = 50
CONTACTS_LIMIT = 100
"""Most msisdns, and most e-mails, of one person (R4)."""

PHONE = re.compile(r"\s*\+?[0-9 ().\-/]*[0-9][0-9 ().\-/]*", re.ASCII)


class Identifier(NamedTuple):
    """One identifier in canonical form, in which it is compared and stored."""

    kind: Kind
    value: str


@lru_cache(4096)  # a command needs the same few several times
def keyed_hash(key: bytes, *parts: str) -> str:
    """Return 32 hexadecimal digits that only a holder of ``key`` can derive from ``parts``.

    BLAKE2b in its keyed mode (RFC 7693), 128 bits.
    """
    # \x1f separates ("a", "bc") from ("ab", "c"); no kind or application code contains it.
    return blake2b("\x1f".join(parts).encode(), key=key, digest_size=16).hexdigest()


def key_fingerprint(key: bytes) -> str:
    """Return a fingerprint that tells keys apart and does not reveal the key."""
    return keyed_hash(key, "identifier key")


def external_id(value: object, field: str = "external_id") -> Identifier:
    """Return an external id exactly as given (R1); raises InvalidValue or LimitExceeded."""
    return Identifier("external_id", text(field, value, NAME_LIMIT, least=1))


def msisdn(value: object, field: str = "msisdn") -> Identifier:
    """Return a phone number as E.164 digits (R2).

    Args:
        value: an international number of at most 50 characters, with or without ``+``; spaces,
            dots, dashes, slashes and brackets are removed.
        field: its name in an error.

    Raises:
        PhoneInvalid: it has other characters, or is not a possible number by the metadata of
            libphonenumber.
    """
    if not isinstance(value, str):
        raise PhoneInvalid(field, "should be a string")
    if len(value) > PHONE_LIMIT or not PHONE.fullmatch(value):
        raise PhoneInvalid(field, f"should be up to {PHONE_LIMIT} digits and separators")
    digits = re.sub(r"[^0-9]", "", value)
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        raise PhoneInvalid(field, "has no country code or the wrong length") from None
    if not phonenumbers.is_possible_number(number):
        raise PhoneInvalid(field, "is not a possible number of its country")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return Identifier("msisdn", e164.removeprefix("+"))


def email(value: object, field: str = "email") -> Identifier:
    """Return an e-mail address in lower case with its domain in IDNA form (R3).

    Raises:
        EmailInvalid: it is not a string, longer than 255 characters or not well formed.
    """
    if not isinstance(value, str):
        raise EmailInvalid(field, "should be a string")
    if len(value) > EMAIL_LIMIT:
        raise EmailInvalid(field, f"takes at most {EMAIL_LIMIT} characters, {len(value)} given")
    try:
        # Reserved top-level domains such as .test are well formed: hosts use them in their tests.
        address = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise EmailInvalid(field, "is not a well-formed address") from None
    return Identifier("email", f"{address.local_part.lower()}@{address.ascii_domain.lower()}")


MAKERS = {"external_id": external_id, "msisdn": msisdn, "email": email}


def identifier_of(kind: str, value: object) -> Identifier:
    """Return the identifier of that kind; raises InvalidValue for an unknown kind or bad value."""
    if kind not in MAKERS:
        raise InvalidValue("kind", f"should be one of {', '.join(MAKERS)}")
    return MAKERS[kind](value)


class Identity(BaseModel):
    """The identifiers by which a caller names a person; duplicates count once.

    Args:
        external_id: the host's own id of the person, 1 to 256 characters.
        msisdns: international phone numbers, at most 100.
        emails: e-mail addresses, at most 100.

    Raises:
        PhoneInvalid, EmailInvalid, LimitExceeded, InvalidValue: a value is malformed. Malformed
            values are refused before any other check (R15).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    external_id: str | None = None
    msisdns: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    def __init__(
        self,
        external_id: str | None = None,
        msisdns: Iterable[str] = (),
        emails: Iterable[str] = (),
        **unknown: object,
    ) -> None:
        super().__init__(external_id=external_id, msisdns=msisdns, emails=emails, **unknown)

    @field_validator("external_id", mode="before")
    @classmethod
    def _external_id(cls, value: object) -> str | None:
        return None if value is None else external_id(value).value

    @field_validator("msisdns", mode="before")
    @classmethod
    def _msisdns(cls, value: object) -> tuple[str, ...]:
        return several("msisdns", value, msisdn)

    @field_validator("emails", mode="before")
    @classmethod
    def _emails(cls, value: object) -> tuple[str, ...]:
        return several("emails", value, email)

    @model_validator(mode="wrap")
    @classmethod
    def _typed_errors(cls, value: object, build: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return build(value)
        except ValidationError as error:
            raise InvalidValue(
                *first_problem(error.errors(include_input=False), "identity")
            ) from None

    def identifiers(self) -> Iterator[Identifier]:
        """Yield the identifiers in the order of `KINDS`."""
        if self.external_id is not None:
            yield Identifier("external_id", self.external_id)
        for number in self.msisdns:
            yield Identifier("msisdn", number)
        for address in self.emails:
            yield Identifier("email", address)

    def field_of(self, identifier: Identifier) -> str:
        """Return the name of the field with an identifier, with its index."""
        kind, value = identifier
        if kind == "external_id":
            return kind
        values = self.msisdns if kind == "msisdn" else self.emails
        return f"{kind}s[{values.index(value)}]"

    def __bool__(self) -> bool:
        """Whether any identifier is given."""
        return bool(self.external_id is not None or self.msisdns or self.emails)


def several(
    field: str, value: object, make: Callable[[object, str], Identifier]
) -> tuple[str, ...]:
    """Return up to 100 identifiers of one kind in canonical form, without duplicates."""
    made = [make(item, f"{field}[{n}]").value for n, item in enumerate(items(field, value))]
    if len(made) > CONTACTS_LIMIT:
        raise LimitExceeded(field, CONTACTS_LIMIT, len(made), unit="values")
    return tuple(dict.fromkeys(made))
