"""Settings whose errors are typed."""

from __future__ import annotations

from typing import Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from ..errors import InvalidValue, first_problem


class Settings(BaseModel):
    """Immutable settings.

    Raises:
        InvalidValue, LimitExceeded: a setting is unknown, missing, malformed or out of bounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="wrap")
    @classmethod
    def _typed_errors(cls, value: object, build: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return build(value)
        except ValidationError as error:
            field, problem = first_problem(error.errors(include_input=False))
            raise InvalidValue(field or "settings", problem) from None
