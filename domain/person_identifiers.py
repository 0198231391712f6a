"""Identifiers: external id, msisdns and e-mails, in canonical form."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import Literal, NamedTuple, Self, cast, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from . import limits
from .errors import EmailInvalid, InvalidValue, UserIdentityInvalid, first_problem
from .phone_numbers import e164
from .values import choice, items, text

Kind = Literal["external_id", "msisdn", "email"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind of identifier, in the order of an identity."""

BLANK = frozenset(
    ["\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u3164", "\uffa0"]
    + [chr(selector) for selector in range(0xFE00, 0xFE10)]
)
"""Invisible characters that Unicode counts as letters, marks or symbols."""

PLAIN_LABEL = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
PLAIN_EMAIL = re.compile(
    rf"[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:{PLAIN_LABEL}\.)+(?P<top>[A-Za-z]{{2,}})"
)
"""Addresses that are well formed by any reading of the standards, if they are not long."""
PLAIN_LENGTH = 63
"""Most characters of such an address: no part of it can be too long then."""
RESERVED = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})
"""The top-level domains of names that addresses may not have, or only in tests (RFC 6761)."""


class Identifier(NamedTuple):
    """One identifier in canonical form, in which it is compared and stored."""

    kind: Kind
    value: str


def keyed_hash(key: bytes, *parts: str) -> str:
    """Return 32 hexadecimal digits that only a holder of ``key`` can derive from ``parts``.

    BLAKE2b in its keyed mode (RFC 7693), 128 bits.
    """
    # \x1f separates ("a", "bc") from ("ab", "c"); no kind or application code contains it.
    return blake2b("\x1f".join(parts).encode(), key=key, digest_size=16).hexdigest()


def new_identifier_key() -> bytes:
    """Return a new identifier key: as many random bytes as nobody can try."""
    return secrets.token_bytes(32)


def key_fingerprint(key: bytes) -> str:
    """Return a fingerprint that tells keys apart and does not reveal the key."""
    return keyed_hash(key, "identifier key")


def external_id(value: object, field: str = "external_id") -> Identifier:
    """Return an external id exactly as given (R1); raises InvalidValue or LimitExceeded."""
    return Identifier("external_id", text(field, value, limits.NAME, least=1))


def msisdn(value: object, field: str = "msisdn") -> Identifier:
    """Return a phone number as E.164 digits (R2); raises PhoneInvalid."""
    return Identifier("msisdn", e164(value, field))


def check_names_somebody(external_id: str, none_ids: AbstractSet[str]) -> None:
    """Check that an external id does not stand for "nobody" (R44).

    Clients send such ids where a variable was not set, and strangers would become one person.

    Args:
        external_id: as given.
        none_ids: ids that stand for nobody, in lower case. White space and invisible characters
            alone always do.

    Raises:
        UserIdentityInvalid: it stands for nobody.
    """
    shown = any(c.isprintable() and not c.isspace() and c not in BLANK for c in external_id)
    if not shown or external_id.strip().casefold() in none_ids:
        raise UserIdentityInvalid("external_id", "stands for nobody")


def email(value: object, field: str = "email") -> Identifier:
    """Return an e-mail address in lower case with its domain in IDNA form (R3).

    Raises:
        EmailInvalid: it is not a string, longer than 255 characters or not well formed.
    """
    if not isinstance(value, str):
        raise EmailInvalid(field, "should be a string")
    if len(value) > limits.EMAIL:
        raise EmailInvalid(field, f"takes at most {limits.EMAIL} characters, {len(value)} given")
    plain = PLAIN_EMAIL.fullmatch(value) if len(value) <= PLAIN_LENGTH else None
    if plain and plain["top"].lower() not in RESERVED:
        return Identifier(
            "email", value.lower()
        )  # the library's answer, at a hundredth of its time
    # Few need it, and to load it takes a tenth of the time that a command line takes to start.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        # Reserved top-level domains such as .test are well formed: hosts use them in their tests.
        address = validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise EmailInvalid(field, "is not a well-formed address") from None
    return Identifier("email", f"{address.local_part.lower()}@{address.ascii_domain.lower()}")


MAKERS = {"external_id": external_id, "msisdn": msisdn, "email": email}


def identifier_of(kind: str, value: object) -> Identifier:
    """Return the identifier of that kind; raises InvalidValue for an unknown kind or bad value."""
    return MAKERS[choice("kind", kind, Kind)](value)


NAMES = frozenset({"external_id", "msisdns", "emails"})
"""The fields of an identity."""


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
        if isinstance(value, dict):
            for name in cast("dict[object, object]", value).keys() - NAMES:
                text("identity name", name, limits.NAME)
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
    given = items(field, value, limits.CONTACTS)
    if not given:
        return ()
    return tuple(dict.fromkeys(make(item, f"{field}[{n}]").value for n, item in enumerate(given)))
