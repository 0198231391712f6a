"""What a command with an idempotency key answered (R31)."""

from __future__ import annotations

from typing import Any

from .base import Event


class CommandCompleted(Event):
    """A command with an idempotency key took effect (R31).

    Args:
        fingerprint: hash of the command and its arguments, to tell a retry from a mix-up.
        result: what the first call answered, its position apart.
    """

    TOPIC = "addressee.CommandCompleted"
    HOME = "command"

    fingerprint: str
    result: dict[str, Any]
