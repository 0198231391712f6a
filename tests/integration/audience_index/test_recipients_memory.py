"""Recipients stream in bounded memory, however many there are (R38)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from weakref import ref

import pytest

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.unit_of_work.view import SqlReader
from addressee.application import Recipient, Targeting
from tests.benchmarks.reading.population import APPLICATION, KEY
from tests.benchmarks.sending.dispatch import STREAM, fill
from tests.memory import printed

MEGABYTES = 150


def test_R38_all_recipients_stream_in_bounded_memory(tmp_path: Path, *, long: bool) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with SqlStore(url, identifier_key=KEY) as store:
        fill(store, 1_000_000 if long else 10_000)
    needed = printed(STREAM, url, APPLICATION) / 1024
    assert needed <= MEGABYTES, f"{needed:.0f} MB"


def test_R38_a_page_is_gone_when_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at once would take twice the memory, and half as long again."""
    pages: list[ref[Collection[Recipient]]] = []
    read = SqlReader.recipients

    def noted(self: SqlReader, ordinals: Sequence[int]) -> Collection[Recipient]:
        assert all(page() is None for page in pages)
        found = read(self, ordinals)
        pages.append(ref(found))
        return found

    monkeypatch.setattr(SqlReader, "recipients", noted)
    monkeypatch.setattr("addressee.application.audiences.paged_audience.PAGE", 50)
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db", identifier_key=KEY) as store:
        fill(store, 200)
        found = sum(1 for _ in Targeting(store).recipients(APPLICATION, "all"))
    assert found > 100
    assert len(pages) == found // 50 + 1
