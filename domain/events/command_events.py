"""The event that keeps the result of a command with an idempotency key (R31)."""

from __future__ import annotations

from typing import Any

from .base import Event


class CommandCompleted(Event):
    """A command with an idempotency key took effect (R31).

    Args:
        fingerprint: hash of the command and its arguments; tells a retry from a reused key.
        result: the result of the first call without its position.
    """

    TOPIC = "addressee.CommandCompleted"
    HOME = "command"

    fingerprint: str
    result: dict[str, Any]
