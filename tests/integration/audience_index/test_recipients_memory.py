"""Recipients stream in bounded memory, however many there are (R38)."""

from __future__ import annotations

from pathlib import Path

from addressee.adapters.sql import SqlStore
from tests.benchmarks.reading.population import APPLICATION, KEY
from tests.benchmarks.sending.dispatch import STREAM, fill
from tests.memory import kilobytes

MEGABYTES = 150


def test_R38_all_recipients_stream_in_bounded_memory(tmp_path: Path, *, long: bool) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with SqlStore(url, identifier_key=KEY) as store:
        fill(store, 1_000_000 if long else 20_000)
    needed = kilobytes(STREAM, url, APPLICATION) / 1024
    assert needed <= MEGABYTES, f"{needed:.0f} MB"
