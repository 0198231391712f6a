"""Runs that erase the same devices at once (R50, R54)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from addressee.application import History, verify
from addressee.domain.events import InstallationErased, InstallationErasureRequested
from tests.integration.sealing.erasure.anonymous.conftest import Devices
from tests.integration.sealing.erasure.conftest import on_servers

DEVICES, RUNS = 8, 3


@on_servers
def test_R50_R54_runs_at_once_erase_each_device_once(life: Devices) -> None:
    names = [life.expired(f"d{n}") for n in range(DEVICES)]
    life.clock.move(days=30)
    start = Barrier(RUNS)

    def erase() -> list[str]:
        start.wait()
        return life.erase_beside_others()

    with ThreadPoolExecutor(RUNS) as threads:
        for run in [threads.submit(erase) for _ in range(RUNS)]:
            run.result()
    for name in names:
        events = Counter(type(each.event) for each in History(life.store).installation(name))
        assert events[InstallationErasureRequested] == events[InstallationErased] == 1
        assert "-of-" not in life.told(name), "what it told"
    assert verify(life.store).differences == ()
