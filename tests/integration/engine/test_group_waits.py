"""Callers that share transactions wait for no row that only another of them needs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
from tests.patience import PATIENCE, wait_until

CALLERS = 8


def test_R32_callers_leave_a_group_that_waits_for_a_row(url: str) -> None:
    """One is held up by a row lock; the others are committed while it waits."""
    if url.startswith("sqlite"):
        return  # every writer waits for the one before it
    with SqlStore(url) as store, ThreadPoolExecutor(CALLERS + 1) as threads:
        people = Personalization(store)
        groups = people.execution.groups
        assert groups is not None
        row = store.parts.prepared.schema.installation

        def login(n: int) -> str:
            return people.personalize(f"d{n}", Identity(external_id=f"p{n}")).outcome

        for n in range(CALLERS + 2):
            people.register("shop", installation=f"d{n}")
        login(CALLERS + 1)  # of terms that are new, every writer waits
        with store.database.engine.begin() as another:
            another.execute(select(row.c.id).where(row.c.id == "d0").with_for_update())
            blocked = threads.submit(login, 0)
            wait_until(lambda: groups._leader, "a leader", pause=0.001)
            others = threads.map(login, range(1, CALLERS + 1), timeout=PATIENCE)
            assert [*others] == ["attached"] * CALLERS
            assert people.groups.left == CALLERS
            assert not blocked.done()
        assert blocked.result(PATIENCE) == "attached"
