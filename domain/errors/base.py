"""The base of all errors, and the errors of commands that come twice or too late."""

from __future__ import annotations

from typing import ClassVar


class AddresseeError(Exception):
    """The base of all errors; ``code`` is stable across releases."""

    code: ClassVar[str] = "ADDRESSEE_ERROR"


class IdempotencyKeyReused(AddresseeError):
    """An idempotency key was used before with another command or other arguments (R31)."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("the idempotency key was used before for another request")


class Conflict(AddresseeError):
    """A command lost too many races; nothing was recorded (R32).

    Args:
        stream: the stream that others wrote to.
        expected: the version that the command had read.
        actual: the stream's version now.
        problem: what happened, if not that the stream is at another version.
        final: whether it would be the same at every attempt.
    """

    code = "CONFLICT"

    def __init__(
        self,
        stream: str,
        expected: int,
        actual: int,
        problem: str | None = None,
        *,
        final: bool = False,
    ) -> None:
        super().__init__(problem or f"stream {stream} is at version {actual}, expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual
        self.final = final
