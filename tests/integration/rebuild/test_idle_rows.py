"""Rows that say of installations that they are idle, where the ledger knows better."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, personalization
from addressee.domain import MobileApp

DAY = 86_400
LONG_AGO = 1


@pytest.mark.parametrize("anonymous", [False, True])
def test_R54_rows_that_look_idle_and_are_not_are_looked_at_once_and_hide_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, anonymous: bool
) -> None:
    monkeypatch.setattr(personalization, "EXPIRY_BATCH", 2)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    names = [f"used{n}" for n in range(3)]
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        store.applications.put(
            MobileApp(code="shop", expire_after=2 * DAY, expire_anonymous_after=2 * DAY)
        )
        people = Personalization(store, clock=lambda: now)
        for name in ("idle1", "idle2", "idle3", *names):
            if name == names[0]:
                now += timedelta(days=2)
            people.register("shop", installation=name)
            if not anonymous:
                people.personalize(name, Identity(external_id=name))
        table = store.parts.prepared.schema.installation
        older = ("anonymous_from",) if anonymous else ("bound_at", "idle_from")
        with store.database.writing() as connection:
            forged = update(table).where(table.c.id.in_(names))
            connection.execute(forged.values(dict.fromkeys(older, LONG_AGO)))
        ended = [each.installations for each in people.expire_sessions()]
        assert sorted(ended) == [("idle1",), ("idle2",), ("idle3",)]
        assert people.expire_sessions() == []
