"""The keys that personal data is sealed with, in a place of their own.

What a destroyed key has sealed is unreadable everywhere, also in backups of the ledger (R50).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from .store import Store


class Key(NamedTuple):
    """A key that seals the personal data of one stream.

    Args:
        id: 16 hexadecimal digits, chosen at random; sealed data names it.
        secret: 32 random bytes.
    """

    id: str
    secret: bytes

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Key(id={self.id!r})"


class KeyStore(Protocol):
    """Make, find and destroy keys; any call may raise StoreUnavailable."""

    def new_keys(self, count: int) -> Sequence[Key]:
        """Make keys that nobody else is given; they are there for good when this returns."""
        ...

    def find(self, ids: Collection[str]) -> Mapping[str, bytes | None]:
        """Return id → secret; None for a key that was destroyed, and no entry for an unknown one.

        Raises:
            WrappingKeyWrong: a key can't be unwrapped.
        """
        ...

    def destroy(self, ids: Collection[str]) -> Mapping[str, str]:
        """Destroy keys for good; it may be repeated.

        A key that is not there is noted as destroyed as well, should a backup bring it back.

        Returns:
            Id → fingerprint of the key, 32 hexadecimal digits that do not reveal it; empty for a
            key that was not there.
        """
        ...

    def gone(self) -> Collection[str]:
        """Return the ids of all keys that were destroyed."""
        ...

    def destroyed(self) -> int:
        """Return a number that is another one whenever keys were destroyed since."""
        ...


@runtime_checkable
class SealedStore(Store, Protocol):
    """A store whose personal data can be sealed.

    Attributes:
        keys: the keys; None where none were given.
    """

    keys: KeyStore | None

    def searched(self, search: str) -> int:
        """Return the position up to which a search has taken events; 0 for one that is new.

        Raises:
            StoreUnavailable: the store can't be reached.
        """
        ...

    def note_searched(self, search: str, position: int) -> None:
        """Note the position up to which a search has taken events; its name has 40 characters.

        Two at a time may note theirs in any order: a search repeats events without harm.

        Raises:
            StoreUnavailable: the store can't be reached.
        """
        ...

    @property
    def sealed_as(self) -> str | None:
        """Return the id that sealed data is bound to; None where personal data is in clear."""
        ...

    def keys_of(self, streams: Collection[str]) -> Mapping[str, Mapping[int, str]]:
        """Return stream → version of each event that is sealed → id of its key, in order."""
        ...

    def unreadable(self) -> Collection[str]:
        """Return streams whose keys are destroyed, and not by erasures that are done in the ledger.

        It reads the whole ledger only if there are such keys in the key store, and a store may note
        that they seal nothing in it; nothing without a key store.
        """
        ...
