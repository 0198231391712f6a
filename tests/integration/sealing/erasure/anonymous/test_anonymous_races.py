"""Runs that erase the same devices at once (R50, R54)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest

from addressee.application import History, Personalization, Rights, verify
from addressee.domain import StoreUnavailable
from addressee.domain.events import InstallationErased, InstallationErasureRequested
from tests.integration.sealing.erasure.anonymous.conftest import Devices
from tests.patience import wait_until

DEVICES, RUNS = 8, 3


@pytest.mark.parametrize(
    "any_store",
    [
        "sqlite",
        "postgres",
        pytest.param("mariadb", marks=[pytest.mark.only_long, pytest.mark.mariadb]),
    ],
    indirect=True,
)
def test_R50_R54_runs_at_once_erase_each_device_once(life: Devices) -> None:
    names = [life.expired(f"d{n}") for n in range(DEVICES)]
    life.clock.move(days=30)
    start = Barrier(RUNS)

    def erase() -> None:
        rights = Rights(life.store, Personalization(life.store, clock=life.clock))
        start.wait()

        def done() -> bool:
            with suppress(StoreUnavailable):  # another reads the keys' file: a later call goes on
                rights.erase_inactive()
                return True
            return False

        wait_until(done, "no device is due any more")

    with ThreadPoolExecutor(RUNS) as threads:
        for run in [threads.submit(erase) for _ in range(RUNS)]:
            run.result()
    for name in names:
        events = Counter(type(each.event) for each in History(life.store).installation(name))
        assert events[InstallationErasureRequested] == events[InstallationErased] == 1
        assert "-of-" not in life.told(name), "what it told"
    assert verify(life.store).differences == ()
