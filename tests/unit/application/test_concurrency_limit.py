"""A bound on transactions that run at once."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import Personalization
from addressee.application.execution.concurrency_limit import ConcurrencyLimit
from addressee.domain import InvalidValue, StoreUnavailable
from tests.patience import PATIENCE, wait_until


@pytest.mark.parametrize(("most", "largest"), [(3, 3), (None, 12)])
def test_so_many_threads_are_in_the_block_at_once(most: int | None, largest: int) -> None:
    limit, lock, inside, begun = ConcurrencyLimit(most), Lock(), [0, 0], [0]
    all_inside = Barrier(largest, timeout=PATIENCE)

    def enter(_: int) -> None:
        with lock:
            begun[0] += 1
        with limit:
            with lock:
                inside[0] += 1
                inside[1] = max(inside)
            all_inside.wait()
            wait_until(lambda: begun[0] == 12, "the others want to enter")
            time.sleep(0.02)  # in which one too many would
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(12) as threads:
        assert len([*threads.map(enter, range(12))]) == 12
    assert inside == [0, largest]


def test_who_waits_too_long_is_told_so() -> None:
    limit = ConcurrencyLimit(1, patience=0.05)
    with limit, ThreadPoolExecutor(1) as threads:
        late = threads.submit(limit.__enter__).exception()
    assert isinstance(late, StoreUnavailable)
    with limit:
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_forked_process_begins_with_all_places() -> None:
    limit = ConcurrencyLimit(1)
    with limit:
        child = os.fork()
        if not child:
            with limit:
                os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("transactions", [0, -1, 1001, True, "7"])
def test_the_bound_is_a_positive_number(transactions: object) -> None:
    with pytest.raises(InvalidValue, match="transactions"):
        Personalization(MemoryStore(), transactions=transactions)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # it is wrong on purpose
