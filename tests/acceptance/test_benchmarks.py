"""The benchmarks run, on so little that their figures mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.benchmarks import (
    audience,
    commands,
    concurrency,
    dispatch,
    ledger,
    past,
    relay,
    replay,
    serving,
    sessions,
)
from tests.benchmarks.report import Figure

LITTLE = {
    "audience.LIVE": 5,
    "commands.DEVICES": 5,
    "concurrency.COMMANDS": 64,
    "concurrency.ROUNDS": 1,
    "commands.HISTORIES": (0, 2),
    "ledger.BATCH": 20,
    "ledger.COMMANDS": 5,
    "ledger.ROUNDS": 1,
    "past.ASKED": 5,
    "relay.COMMANDS": 10,
    "relay.DEVICES": 50,
    "relay.ROUNDS": 1,
    "replay.EVENTS": 1_500,
    "replay.PROJECTED": 80,
    "replay.ROUNDS": 1,
    "report.ROUNDS": 1,
    "replay.STOCK_EVENTS": 160,
    "serving.REQUESTS": 100,
    "serving.ROUNDS": 1,
    "sessions.EXPIRING": 20,
    "sessions.FEW": 200,
    "sessions.ROUNDS": 1,
    "writers.EACH": 5,
    "writers.WRITERS": 2,
}


@pytest.mark.parametrize(
    "figures",
    [
        lambda: audience.figures(3_000),
        commands.figures,
        concurrency.figures,
        lambda: dispatch.figures(3_000),
        ledger.figures,
        lambda: past.figures(300),
        lambda: sessions.figures(400),
        relay.figures,
        lambda: replay.figures(20_000),
        serving.figures,
    ],
    ids=[
        "audience",
        "commands",
        "concurrency",
        "dispatch",
        "ledger",
        "past",
        "sessions",
        "relay",
        "replay",
        "serving",
    ],
)
def test_a_benchmark_runs(
    figures: Callable[[], Iterable[Figure]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in LITTLE.items():
        monkeypatch.setattr(f"tests.benchmarks.{name}", size)
    done = list(figures())
    assert done
    assert all(figure.ours > 0 and figure.other > 0 for figure in done)
