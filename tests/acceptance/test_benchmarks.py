"""The benchmarks run, on so little that their figures mean nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from addressee.application import Personalization, Targeting
from tests.benchmarks.reading import audience, past, portal, sessions
from tests.benchmarks.replaying import replay
from tests.benchmarks.report import Figure
from tests.benchmarks.rights import rights
from tests.benchmarks.scaling import plan, scale
from tests.benchmarks.sending import dispatch, relay
from tests.benchmarks.writing import commands, concurrency, ledger, serving

LITTLE = {
    "reading.audience.LIVE": 5,
    "writing.commands.DEVICES": 5,
    "writing.concurrency.COMMANDS": 64,
    "writing.concurrency.MANY_ROUNDS": 1,
    "writing.concurrency.ROUNDS": 1,
    "writing.commands.HISTORIES": (0, 2),
    "writing.ledger.BATCH": 20,
    "writing.ledger.COMMANDS": 5,
    "writing.ledger.ROUNDS": 1,
    "reading.past.ASKED": 5,
    "reading.portal.ROUNDS": 1,
    "rights.erasing.ERASED": 4,
    "rights.erasing.FEW": 100,
    "rights.merging.DEVICES": 2,
    "rights.merging.MERGES": 1,
    "rights.merging.ROUNDS": 1,
    "rights.sealed.COMMANDS": 5,
    "rights.sealed.PERSONS": 20,
    "rights.sealed.ROUNDS": 1,
    "rights.sealed.TURNS": 1,
    "sending.relay.COMMANDS": 10,
    "sending.relay.DEVICES": 50,
    "sending.relay.ROUNDS": 1,
    "replaying.replay.EVENTS": 1_500,
    "replaying.replay.PROJECTED": 80,
    "replaying.replay.ROUNDS": 1,
    "report.ROUNDS": 1,
    "scaling.plan.AGAIN": 5,
    "scaling.scale.LATER": 5,
    "scaling.scale.SIGN_INS": 5,
    "scaling.scale.SMALLEST": 20,
    "scaling.town.KINDS": 10,
    "replaying.replay.STOCK_EVENTS": 160,
    "writing.serving.REQUESTS": 100,
    "writing.serving.ROUNDS": 1,
    "reading.sessions.EXPIRING": 20,
    "reading.sessions.FEW": 200,
    "reading.sessions.ROUNDS": 1,
    "writing.writers.EACH": 5,
    "writing.writers.WRITERS": 2,
}


Figures = Callable[[], Iterable[Figure]]
QUICK: dict[str, Figures] = {
    "commands": commands.figures,
    "past": lambda: past.figures(300),
    "sessions": lambda: sessions.figures(400),
}
SLOW: dict[str, Figures] = {
    "audience": lambda: audience.figures(3_000),
    "concurrency": concurrency.figures,
    "dispatch": lambda: dispatch.figures(3_000),
    "ledger": ledger.figures,
    "plan": lambda: plan.figures(300, None),
    "portal": lambda: portal.figures(100, None),
    "relay": relay.figures,
    "replay": lambda: replay.figures(20_000),
    "rights": lambda: rights.figures(200, None),
    "scale": lambda: scale.figures(50),
    "serving": serving.figures,
}
"""They start servers and processes, or fill several stores, in seconds."""


@pytest.mark.parametrize(
    "figures",
    [
        *(pytest.param(each, id=name) for name, each in QUICK.items()),
        *(pytest.param(each, id=name, marks=pytest.mark.every_case) for name, each in SLOW.items()),
    ],
)
def test_a_benchmark_runs(figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in LITTLE.items():
        monkeypatch.setattr(f"tests.benchmarks.{name}", size)
    done = list(figures())
    assert done
    assert all(figure.ours > 0 and figure.other > 0 for figure in done)


def test_a_kept_store_stays_as_it_was_filled(tmp_path: Path) -> None:
    for _ in range(2):
        with past.filled(20, tmp_path) as store:
            assert Targeting(store).count("shop", "tag:t1") == 20
            Personalization(store).depersonalize("d7")
            assert Targeting(store).count("shop", "tag:t1") == 19
    assert [file.name for file in tmp_path.iterdir()] == ["past-20.db"]


def test_the_tables_of_the_page_follow_from_what_was_measured() -> None:
    docs = Path(__file__).parents[2] / "docs"
    page = (docs / "operating-at-scale.md").read_text()
    measured: plan.Measured = json.loads((docs / "operating-at-scale.json").read_text())
    assert plan.with_tables(page, measured) == page
    assert plan.with_tables(page, {**measured, "seconds of a push": 1.0}) != page
