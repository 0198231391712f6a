"""What is cached of keys while others of them are destroyed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from addressee.adapters.keys import MemoryKeyStore
from addressee.adapters.serialization.key_ring import KeyRing


class Overtaken(MemoryKeyStore):
    """A key store that calls something once, after it has found keys and before it answers."""

    overtake: Callable[[], object] | None = None

    def find(self, ids: Collection[str]) -> Mapping[str, bytes | None]:
        found = super().find(ids)
        if (overtake := self.overtake) is not None:
            self.overtake = None
            overtake()
        return found


def test_R50_a_key_destroyed_while_it_is_looked_up_opens_nothing_afterwards() -> None:
    keys = Overtaken()
    erased, other = (key.id for key in keys.new_keys(2))
    ring = KeyRing(keys)

    def erase() -> None:
        keys.destroy([erased])
        ring.ciphers([other])

    keys.overtake = erase
    assert ring.ciphers([erased])[erased] is not None, "it was there when the lookup began"
    assert ring.ciphers([erased]) == {erased: None}
    assert ring.cached(erased) is None
    assert ring.cached(other) is not None
