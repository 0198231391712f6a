"""Events of claims on identifiers and push tokens; each claim has its own stream (R5, R7)."""

from __future__ import annotations

from ..identity import Kind
from .base import Event


class IdentifierClaimed(Event):
    """A person took an identifier; the stream's id holds the identifier's keyed hash (R5)."""

    TOPIC = "addressee.IdentifierClaimed"
    HOME = "claim"

    kind: Kind
    person: str


class IdentifierReleased(IdentifierClaimed):
    """A person gave an identifier up."""

    TOPIC = "addressee.IdentifierReleased"


class PushTokenClaimed(Event):
    """An installation reported a push token; it supersedes the previous holder (R7)."""

    TOPIC = "addressee.PushTokenClaimed"
    HOME = "token"

    installation: str
