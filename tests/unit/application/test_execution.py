"""How often commands are tried, and what of earlier ones stays in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import JoinableStore, Personalization
from addressee.domain import Conflict


class Losing(MemoryStore):
    """Loses every race within transactions of a host's."""

    tried = 0

    @contextmanager
    def joining(self, host: object, committed: Callable[[], None]) -> Generator[MemoryStore]:
        assert (host, callable(committed)) == ("the host's", True)
        self.tried += 1
        yield self
        raise Conflict("installation:a", 1, 2)


@pytest.mark.parametrize(("attempts", "tried"), [(100, 5), (3, 3)])
def test_R32_a_race_in_a_hosts_transaction_is_given_up_after_five_attempts(
    attempts: int, tried: int
) -> None:
    store = Losing()
    assert isinstance(store, JoinableStore)
    people = Personalization(store, attempts=attempts)
    with pytest.raises(Conflict):
        people.register("shop", transaction="the host's")
    assert store.tried == tried
