"""One mobile app: its callers' rights and its policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from .. import values
from ..errors import InvalidValue, LimitExceeded
from ..limits import (
    ATTRIBUTES_PER_COMMAND,
    DEFAULT,
    DEPTH,
    EXPRESSION,
    ISSUERS,
    LEAST,
    NAME,
    TAGS_PER_COMMAND,
    TERMS,
    Limits,
)
from ..person_identifiers import Identity
from .base_settings import Settings
from .identity_provider import TokenIssuer
from .retention import Retention
from .session_policy import SessionPolicy

UserData = Literal["open", "jwt", "restricted"]
"""Who may read and change a person's data from a device: the app, the app with a token of the
person, or nobody."""
STRICTNESS: tuple[UserData, ...] = ("open", "jwt", "restricted")
"""The modes, each stricter than the one before."""
Contacts = Literal["self", "vouched"]
"""Who may add e-mails and phones from a device: the device, or only those vouched for (R55)."""
OverCap = Literal["refuse", "evict"]
CAP_LIMIT = 10**6
"""Largest device cap."""
Seconds = Annotated[int, Field(gt=0, le=10**9)]
LEAST_KEY = 16
"""Shortest secret for signing tokens, in bytes; 32 or more are recommended."""


@dataclass(frozen=True, slots=True)
class DeviceCap:
    """The limit of a person's installations in one application.

    Args:
        most: the largest number of installations.
        over: refuse another installation, or evict the least recently used ones.

    Raises:
        InvalidValue: the number is not 1 to 1,000,000, or there is no such choice.
    """

    most: int
    over: OverCap = "refuse"

    def __post_init__(self) -> None:
        """Raise InvalidValue for a cap that is none."""
        values.whole("most", self.most, 1, CAP_LIMIT)
        values.choice("over", self.over, OverCap)


class MobileApp(Settings):
    """One mobile app and its policies.

    Args:
        code: the application code; on the mobile wire it is the credential.
        user_data: who may read and change persons' data from a device.
        contacts: whether a device may add e-mails and phones that nobody holds (``self``) or only
            those that a token's verified claim vouches for (``vouched``); None takes ``vouched`` in
            mode ``jwt`` and ``self`` otherwise (R55).
        jwt_keys: key id → secret in hexadecimal digits, for verifying persons' tokens.
        issuers: the identity providers whose tokens name persons, one for each ``iss``.
        session_idle: idle time after which a session ends, in seconds; None keeps it (R26).
        stale_after: time after which an installation that is signed in and unused counts as stale,
            in seconds; None for never (R54).
        expire_after: time after which it expires, in seconds; shorter than ``session_idle``, at
            whose end nobody is signed in any more.
        expire_anonymous_after: time after which an installation expires that nobody is signed in
            on and that is unused, in seconds; a day at least.
        erase_after: time after which a person is erased on whom no installation is bound any more,
            in seconds; a day at least. Of several applications the longest time counts, and all
            that met the person must have one; the store must be sealed.
        erase_anonymous_after: time after which it is erased what an installation that has expired
            told while nobody was signed in on it, in seconds; a day at least; the store must be
            sealed.
        device_cap: largest number of installations of a person; None for no limit.
        over_cap: whether another installation is refused or evicts the least recently used one.
        server_side_only: whether only a backend may sign persons in.
        rate_limit: largest number of requests per second; None for no limit.
        attribute_limit: largest number of attributes of a person, and of an installation (R57).
        tag_limit: largest number of tags of a person, and of an installation.
        tagging_limit: largest product of changed tags and a person's installations in one command.
        expression_limit: largest number of characters of an expression; this and the next two can
            only be lowered.
        term_limit: largest number of terms of an expression.
        level_limit: largest number of levels of and, or and not in an expression.
        none_ids: external ids that stand for nobody, in any case, in place of the default (R44).

    Raises:
        InvalidValue, LimitExceeded: a setting is unknown, malformed or out of bounds.
    """

    code: str
    user_data: UserData = "open"
    contacts: Contacts | None = None
    jwt_keys: dict[str, str] = Field(default={}, repr=False)
    issuers: Annotated[tuple[TokenIssuer, ...], Field(strict=False)] = ()
    session_idle: Seconds | None = None
    stale_after: Seconds | None = None
    expire_after: Seconds | None = None
    expire_anonymous_after: Seconds | None = None
    erase_after: Seconds | None = None
    erase_anonymous_after: Seconds | None = None
    device_cap: Annotated[int, Field(gt=0, le=CAP_LIMIT)] | None = None
    over_cap: OverCap = "refuse"
    server_side_only: bool = False
    rate_limit: Annotated[int, Field(gt=0, le=10**6)] | None = None
    attribute_limit: Annotated[int, Field(ge=DEFAULT.attributes, le=ATTRIBUTES_PER_COMMAND)] = (
        DEFAULT.attributes
    )
    tag_limit: Annotated[int, Field(ge=DEFAULT.tags, le=TAGS_PER_COMMAND)] = DEFAULT.tags
    tagging_limit: Annotated[int, Field(ge=DEFAULT.tagging, le=10**9)] = DEFAULT.tagging
    expression_limit: Annotated[int, Field(ge=LEAST.expression, le=EXPRESSION)] = DEFAULT.expression
    term_limit: Annotated[int, Field(ge=LEAST.terms, le=TERMS)] = DEFAULT.terms
    level_limit: Annotated[int, Field(ge=LEAST.levels, le=DEPTH)] = DEFAULT.levels
    none_ids: Annotated[tuple[str, ...], Field(strict=False)] | None = None

    @classmethod
    def of(cls, code: str, settings: Mapping[str, Any]) -> Self:
        """Return an application with named settings; raises the constructor's errors."""
        named = values.instance("settings", settings, Mapping)  # type: ignore[type-abstract]
        return cls.model_validate({**named, "code": code})

    def written(self) -> bytes:
        """Return the settings as a store has them, without the code.

        Those that are unset are left out, so that a release that does not know them reads the rest.
        """
        unset = {
            name
            for name, field in type(self).model_fields.items()
            if field.default in (None, (), {}) and getattr(self, name) == field.default
        }
        return self.model_dump_json(exclude={"code", *unset}).encode()

    @field_validator("code", mode="before")
    @classmethod
    def _code(cls, value: object) -> str:
        return values.identifier("application", value)

    @field_validator("jwt_keys")
    @classmethod
    def _jwt_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        return {values.identifier("jwt_keys name", kid): hexadecimal(keys[kid]) for kid in keys}

    @field_validator("issuers")
    @classmethod
    def _issuers(cls, issuers: tuple[TokenIssuer, ...]) -> tuple[TokenIssuer, ...]:
        values.items("issuers", issuers, ISSUERS, "issuers")
        if len({each.issuer for each in issuers}) < len(issuers):
            raise InvalidValue("issuers", "should have each issuer once")
        return issuers

    @model_validator(mode="after")
    def _retention(self) -> Self:
        idle, expiry = self.session_idle, self.retention.expire_after
        if idle is not None and expiry is not None and expiry >= timedelta(seconds=idle):
            raise InvalidValue("expire_after", "should be shorter than session_idle")
        return self

    def admitted(self, identity: Identity, vouched: Identity | None = None) -> Identity:
        """Return an identity that a device gave, without contacts that it may not add (R55).

        Args:
            identity: what the device gave.
            vouched: the contacts that verified claims of its token vouch for.
        """
        policy = self.contacts or ("vouched" if self.user_data == "jwt" else "self")
        if policy == "self":
            return identity
        known = vouched or Identity()
        return Identity(
            identity.external_id,
            [number for number in identity.msisdns if number in known.msisdns],
            [address for address in identity.emails if address in known.emails],
        )

    @field_validator("none_ids", mode="before")
    @classmethod
    def _none_ids(cls, value: object) -> tuple[str, ...] | None:
        if value is None:
            return None
        given = values.items("none_ids", value, NAME)
        return tuple(values.text(f"none_ids[{n}]", v, NAME, least=1) for n, v in enumerate(given))

    @property
    def limits(self) -> Limits:
        """The limits of the application."""
        none_ids = (
            DEFAULT.none_ids
            if self.none_ids is None
            else frozenset(each.casefold() for each in self.none_ids)
        )
        return Limits(
            self.attribute_limit,
            self.tag_limit,
            self.tagging_limit,
            none_ids,
            self.expression_limit,
            self.term_limit,
            self.level_limit,
        )

    @property
    def sessions(self) -> SessionPolicy:
        """The policy for idle sessions."""
        return SessionPolicy(seconds(self.session_idle))

    @property
    def retention(self) -> Retention:
        """The policy for what nobody uses; raises InvalidValue if it is none."""
        return Retention(
            seconds(self.stale_after),
            seconds(self.expire_after),
            seconds(self.expire_anonymous_after),
            seconds(self.erase_after),
            seconds(self.erase_anonymous_after),
        )

    @property
    def cap(self) -> DeviceCap | None:
        """The limit of a person's installations, if any."""
        return None if self.device_cap is None else DeviceCap(self.device_cap, self.over_cap)

    def secret(self, kid: str) -> bytes | None:
        """Return the secret of a key id, or None."""
        found = self.jwt_keys.get(kid)
        return None if found is None else bytes.fromhex(found)

    def issuer(self, name: str) -> TokenIssuer | None:
        """Return the trusted identity provider of a name, or None."""
        return next((each for each in self.issuers if each.issuer == name), None)


def seconds(number: int | None) -> timedelta | None:
    """Return so many seconds, None for None."""
    return None if number is None else timedelta(seconds=number)


def strictest(modes: Iterable[UserData]) -> UserData:
    """Return the strictest of several modes; ``open`` for none (R56)."""
    return STRICTNESS[max(map(STRICTNESS.index, modes), default=0)]


def other_modes(application: MobileApp, others: Iterable[MobileApp]) -> dict[str, UserData]:
    """Return code → mode of the applications that protect persons otherwise (R56).

    They share persons: each person is as protected as the strictest that met them.
    """
    return {
        other.code: other.user_data
        for other in others
        if other.code != application.code and other.user_data != application.user_data
    }


def hexadecimal(secret: str) -> str:
    """Return a secret if it is hexadecimal digits; raises InvalidValue without repeating it."""
    try:
        size = len(bytes.fromhex(secret))
    except ValueError:
        raise InvalidValue("jwt_keys", "should be secrets in hexadecimal digits") from None
    if size < LEAST_KEY:
        raise LimitExceeded("jwt_keys", 1024, size, unit="bytes", least=LEAST_KEY)
    return secret
