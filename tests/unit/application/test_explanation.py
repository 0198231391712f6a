"""An explanation of a foreign installation costs no more than of one that is absent (S7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.application import Identity, Personalization, Recorded, Targeting
from addressee.domain import NoRegistration


class Watched(MemoryStore):
    """Notes which streams are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def streams(self, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        self.read += after
        return super().streams(after)


def test_R57_explain_reads_no_person_of_another_application() -> None:
    store = Watched()
    people, reach = Personalization(store), Targeting(store)
    people.register("vault", installation="theirs")
    for turn in range(5):
        people.personalize("theirs", Identity(external_id="ali"), {"turn": turn})
    wanted: dict[str, Any] = {}
    for name in ("theirs", "absent"):
        store.read.clear()
        with pytest.raises(NoRegistration):
            reach.explain("shop", "tag:vip or external_id:ali", installation=name)
        wanted[name] = [*store.read]
    assert wanted == {
        "theirs": ["installation:theirs"],
        "absent": ["installation:absent"],
    }
    store.read.clear()
    assert reach.explain("vault", "external_id:ali", installation="theirs").reached
    assert len([stream for stream in store.read if stream.startswith("person:")]) == 1
