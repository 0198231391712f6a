"""Events of claims on identifiers and push tokens, and of the key that names them (R5, R7)."""

from __future__ import annotations

from ..person_identifiers import Kind
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


class IdentifierClaimRenamed(Event):
    """A claim goes on in this stream, whose name the new identifier key gives it.

    Args:
        kind: of the identifier.
        person: the holder, if there is one.
        earlier: the stream that it was in; nothing follows there.
    """

    TOPIC = "addressee.IdentifierClaimRenamed"
    HOME = "claim"

    kind: Kind
    person: str | None
    earlier: str


class IdentifierKeyReplaced(Event):
    """The store's identifier key was replaced; claims are named by the new one from here on.

    Args:
        before: fingerprint of the key that it replaces.
        fingerprint: of the new key.
    """

    TOPIC = "addressee.IdentifierKeyReplaced"
    HOME = "key"

    before: str
    fingerprint: str


class PushTokenClaimed(Event):
    """An installation reported a push token; it supersedes the previous holder (R7)."""

    TOPIC = "addressee.PushTokenClaimed"
    HOME = "token"

    installation: str
