"""What others do to a store while a process that opened it empty still has it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.sql import SqlStore
from addressee.application import Personalization, verify
from addressee.domain import StoreUnavailable
from tests.integration.sealing.conftest import live
from tests.integration.sealing.test_sealed_store import exported, imported


def test_R50_a_store_that_was_opened_empty_writes_nothing_once_others_filled_or_sealed_it(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    live(store)
    exported(store, tmp_path / "one.jsonl")
    url = f"sqlite:///{tmp_path}/other.db"
    with (
        SqlStore(url) as clear,
        SqlStore(url, keys=keys) as early,
        SqlStore(url, keys=keys) as late,
    ):
        imported(late, tmp_path / "one.jsonl")
        for stale in (clear, early):
            with pytest.raises(StoreUnavailable, match="reopen it"):
                Personalization(stale).register("shop", push_token="another")
        Personalization(late).register("shop")
        with SqlStore(url, keys=keys) as again:
            Personalization(again).register("shop")
        assert verify(late).differences == ()
