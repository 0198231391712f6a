"""Who holds an identifier or a push token; each has a stream of its own (R5, R7)."""

from __future__ import annotations

from ..identity import Kind
from .base import Event


class IdentifierClaimed(Event):
    """A person holds an identifier from now on; the stream's id is its keyed hash (R5)."""

    TOPIC = "addressee.IdentifierClaimed"
    HOME = "claim"

    kind: Kind
    person: str


class IdentifierReleased(IdentifierClaimed):
    """A person holds an identifier no longer."""

    TOPIC = "addressee.IdentifierReleased"


class PushTokenClaimed(Event):
    """An installation is the last that reported a push token; it supersedes the one before (R7)."""

    TOPIC = "addressee.PushTokenClaimed"
    HOME = "token"

    installation: str
