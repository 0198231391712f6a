"""One mobile app: its callers' rights and its policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from .. import values
from ..errors import InvalidValue, LimitExceeded, first_problem
from .session_policy import SessionPolicy

UserData = Literal["open", "jwt", "restricted"]
"""Who may read and change a person's data from a device: the app, the app with a token of the
person, or nobody."""
OverCap = Literal["refuse", "evict"]
LEAST_KEY = 16
"""Shortest secret for signing tokens, in bytes; 32 or more are recommended."""


@dataclass(frozen=True, slots=True)
class DeviceCap:
    """The limit of a person's installations in one application.

    Args:
        most: the largest number of installations.
        over: refuse another installation, or evict the least recently used ones.
    """

    most: int
    over: OverCap = "refuse"


class MobileApp(BaseModel):
    """One mobile app and its policies.

    Args:
        code: the application code; on the mobile wire it is the credential.
        user_data: who may read and change persons' data from a device.
        jwt_keys: key id → secret in hexadecimal digits, for verifying persons' tokens.
        session_idle: idle time after which a session ends, in seconds; None keeps it (R26).
        device_cap: largest number of installations of a person; None for no limit.
        over_cap: whether another installation is refused or evicts the least recently used one.
        server_side_only: whether only a backend may sign persons in.
        rate_limit: largest number of requests per second; None for no limit.

    Raises:
        InvalidValue, LimitExceeded: a setting is unknown, malformed or out of bounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    code: str
    user_data: UserData = "open"
    jwt_keys: dict[str, str] = Field(default={}, repr=False)
    session_idle: Annotated[int, Field(gt=0, le=10**9)] | None = None
    device_cap: Annotated[int, Field(gt=0, le=10**6)] | None = None
    over_cap: OverCap = "refuse"
    server_side_only: bool = False
    rate_limit: Annotated[int, Field(gt=0, le=10**6)] | None = None

    @classmethod
    def of(cls, code: str, settings: Mapping[str, Any]) -> Self:
        """Return an application with named settings; raises the constructor's errors."""
        return cls.model_validate({**settings, "code": code})

    @field_validator("code", mode="before")
    @classmethod
    def _code(cls, value: object) -> str:
        return values.identifier("application", value)

    @field_validator("jwt_keys")
    @classmethod
    def _jwt_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        return {values.identifier("jwt_keys name", kid): hexadecimal(keys[kid]) for kid in keys}

    @model_validator(mode="wrap")
    @classmethod
    def _typed_errors(cls, value: object, build: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return build(value)
        except ValidationError as error:
            raise InvalidValue(*first_problem(error.errors(include_input=False))) from None

    @property
    def sessions(self) -> SessionPolicy:
        """The policy for idle sessions."""
        idle = self.session_idle
        return SessionPolicy(None if idle is None else timedelta(seconds=idle))

    @property
    def cap(self) -> DeviceCap | None:
        """The limit of a person's installations, if any."""
        return None if self.device_cap is None else DeviceCap(self.device_cap, self.over_cap)

    def secret(self, kid: str) -> bytes | None:
        """Return the secret of a key id, or None."""
        found = self.jwt_keys.get(kid)
        return None if found is None else bytes.fromhex(found)


def hexadecimal(secret: str) -> str:
    """Return a secret if it is hexadecimal digits; raises InvalidValue without repeating it."""
    try:
        size = len(bytes.fromhex(secret))
    except ValueError:
        raise InvalidValue("jwt_keys", "should be secrets in hexadecimal digits") from None
    if size < LEAST_KEY:
        raise LimitExceeded("jwt_keys", 1024, size, unit="bytes", least=LEAST_KEY)
    return secret
