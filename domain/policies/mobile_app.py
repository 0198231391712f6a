"""What a service lays down for one mobile app: who may act, and by which policies."""

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
from ..errors import InvalidValue, LimitExceeded
from .session_policy import SessionPolicy

UserData = Literal["open", "jwt", "restricted"]
"""Who may read and change a person's data from a device: the app, the app with a token of the
person, or nobody."""
OverCap = Literal["refuse", "evict"]
LEAST_KEY = 16
"""Shortest secret that may sign tokens, in bytes; 32 and more are advised."""


@dataclass(frozen=True, slots=True)
class DeviceCap:
    """How many installations of an application a person may have at once.

    Args:
        most: how many.
        over: refuse one more, or evict the least recently used ones.
    """

    most: int
    over: OverCap = "refuse"


class MobileApp(BaseModel):
    """One mobile app and its policies.

    Args:
        code: the application code; on the wire it is the mobile credential itself.
        user_data: who may read and change persons' data from a device.
        jwt_keys: key id → secret in hexadecimal digits, which sign tokens of persons.
        session_idle: after how many seconds an unused session ends; None keeps it (R26).
        device_cap: most installations a person has at once; None for any number.
        over_cap: what happens to one more.
        server_side_only: whether only a backend may say who is on a device.
        rate_limit: most requests a second; None for any number.

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
        """Return an application by its settings' names; raises what the constructor raises."""
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
            first = error.errors(include_input=False)[0]
            raise InvalidValue(".".join(map(str, first["loc"])), first["msg"]) from None

    @property
    def sessions(self) -> SessionPolicy:
        """What happens to an unused session."""
        idle = self.session_idle
        return SessionPolicy(None if idle is None else timedelta(seconds=idle))

    @property
    def cap(self) -> DeviceCap | None:
        """How many installations a person may have, if that is limited."""
        return None if self.device_cap is None else DeviceCap(self.device_cap, self.over_cap)

    def secret(self, kid: str) -> bytes | None:
        """Return the secret of a key id, if there is one."""
        found = self.jwt_keys.get(kid)
        return None if found is None else bytes.fromhex(found)


def hexadecimal(secret: str) -> str:
    """Return a secret in hexadecimal digits; raises InvalidValue, without it, if it is none."""
    try:
        size = len(bytes.fromhex(secret))
    except ValueError:
        raise InvalidValue("jwt_keys", "should be secrets in hexadecimal digits") from None
    if size < LEAST_KEY:
        raise LimitExceeded("jwt_keys", 1024, size, unit="bytes", least=LEAST_KEY)
    return secret
