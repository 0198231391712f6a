"""Claims: the one holder of an identifier or a push token, and the key that names their streams.

Each claim is a stream of its own, so the event store itself enforces that there is one holder: two
concurrent claims collide on the stream's version, on every persistence adapter (R5, R7).
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from .. import events
from ..person_identifiers import Identifier, Kind, key_fingerprint, keyed_hash
from ..store_errors import IdentifierKeyOutdated
from .base import Aggregate, Appliers, Occasion

hashed = lru_cache(4096)(keyed_hash)
"""A command needs the same few identifiers several times."""


class IdentifierClaim(Aggregate):
    """The person who holds an identifier, if any.

    Args:
        name: the identifier's keyed hash.
    """

    CATEGORY = "claim"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.holder: str | None = None
        self.earlier: str | None = None
        """The stream that the claim was in before the identifier key was replaced, if any."""

    @classmethod
    def on(cls, identifier: Identifier, key: bytes) -> IdentifierClaim:
        """Return the claim on an identifier, not loaded yet.

        Args:
            identifier: the identifier in its canonical form.
            key: the store's identifier key, up to 64 bytes. Without the key nobody can derive the
                identifier from the claim's name.
        """
        return cls(cls.name_of(identifier, key))

    @staticmethod
    def name_of(identifier: Identifier, key: bytes) -> str:
        """Return the name of the claim on an identifier; arguments as of `on`."""
        return hashed(key, *identifier)

    def take(self, occasion: Occasion, identifier: Identifier, person: str) -> None:
        """Record that a person holds the identifier; the caller has checked that it is free."""
        self.record(events.IdentifierClaimed, occasion, kind=identifier.kind, person=person)

    def release(self, occasion: Occasion, identifier: Identifier, person: str) -> None:
        """Record that the person gave the identifier up."""
        self.record(events.IdentifierReleased, occasion, kind=identifier.kind, person=person)

    def rename(
        self, occasion: Occasion, kind: Kind, person: str | None, earlier: IdentifierClaim
    ) -> None:
        """Record that another claim goes on in this one, under another identifier key."""
        self.record(
            events.IdentifierClaimRenamed, occasion, kind=kind, person=person, earlier=earlier.id
        )

    def _claimed(self, event: events.IdentifierClaimed) -> None:
        self.holder = event.person

    def _renamed(self, event: events.IdentifierClaimRenamed) -> None:
        self.holder, self.earlier = event.person, event.earlier

    def _released(self, _: events.IdentifierReleased) -> None:
        self.holder = None

    APPLIERS: ClassVar[Appliers] = {
        events.IdentifierClaimed: _claimed,
        events.IdentifierReleased: _released,
        events.IdentifierClaimRenamed: _renamed,
    }


class PushTokenClaim(Aggregate):
    """The installation of an application that last reported a push token (R7).

    Args:
        name: keyed hash of application and token.
    """

    CATEGORY = "token"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.holder: str | None = None

    @classmethod
    def on(cls, application: str, push_token: str, key: bytes) -> PushTokenClaim:
        """Return the claim on a push token, not loaded yet; ``key`` as for identifiers."""
        return cls(keyed_hash(key, application, push_token))

    def take(self, occasion: Occasion, installation: str) -> None:
        """Record that an installation reported the push token, unless it holds it already."""
        if self.holder != installation:
            self.record(events.PushTokenClaimed, occasion, installation=installation)

    def _claimed(self, event: events.PushTokenClaimed) -> None:
        self.holder = event.installation

    APPLIERS: ClassVar[Appliers] = {events.PushTokenClaimed: _claimed}


class IdentifierKey(Aggregate):
    """The identifier keys that a store has had, by their fingerprints; the keys are nowhere here.

    Its stream is empty until a key is replaced.
    """

    CATEGORY = "key"

    def __init__(self, name: str = "identifier") -> None:
        super().__init__(name)
        self.known: tuple[str, ...] = ()
        """Fingerprints of all keys, the first one first; empty until one is replaced."""

    def check(self, key: bytes) -> None:
        """Raise IdentifierKeyOutdated for a key that is not the newest."""
        if self.known and self.known[-1] != key_fingerprint(key):
            raise IdentifierKeyOutdated

    def replace(self, occasion: Occasion, before: bytes, key: bytes) -> None:
        """Record that a key is in place of another one."""
        self.record(
            events.IdentifierKeyReplaced,
            occasion,
            before=key_fingerprint(before),
            fingerprint=key_fingerprint(key),
        )

    def _replaced(self, event: events.IdentifierKeyReplaced) -> None:
        self.known = (*(self.known or (event.before,)), event.fingerprint)

    APPLIERS: ClassVar[Appliers] = {events.IdentifierKeyReplaced: _replaced}
