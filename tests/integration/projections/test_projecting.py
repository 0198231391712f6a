"""Projections of a host's own: each event once, whoever runs them, whatever fails (R37)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from sqlalchemy import (
    ColumnElement,
    insert,
    select,
)

from addressee.adapters.sql import ProjectionRunner, SqlStore
from addressee.adapters.sql.checkpoints.checkpoint_lease import Lease
from addressee.domain import Conflict
from tests.integration.projections.conftest import (
    TURNS,
    SignIns,
    clear,
    ledger,
    live,
    sign_ins,
    taken,
)
from tests.patience import wait_until


def race(url: str, runners: int = 8) -> None:
    """Run one projection by many runners, each with a store of its own, up to the ledger's end."""

    def run(_: int) -> None:
        with SqlStore(url) as store:
            runner = ProjectionRunner(store, SignIns(), page=7)

            def ended() -> bool:
                with suppress(Conflict):
                    runner.step()
                runner._lease.release()
                return (status := runner.status()) is not None and not status.behind

            wait_until(ended, "the end of the ledger", pause=0)

    with ThreadPoolExecutor(runners) as pool:
        list(pool.map(run, range(runners)))


def test_R37_eight_runners_that_race_take_each_event_once(store: SqlStore, url: str) -> None:
    live(store)
    race(url)
    assert taken(store) == ledger(store)


def test_without_the_check_they_would_not(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def anybody(self: Lease, position: int) -> ColumnElement[bool]:  # noqa: ARG001 # that is the point
        return self._row

    monkeypatch.setattr(Lease, "as_left", anybody)
    live(store)
    with ExitStack() as stack:
        stores = [stack.enter_context(SqlStore(url)) for _ in range(3)]
        runners = [ProjectionRunner(each, SignIns(), page=3, lease=0) for each in stores]
        starts = [runner._lease.take() for runner in runners]
        for runner, start in zip(runners, starts, strict=True):
            assert start is not None
            runner._take(start, runner._read(start, 3))
    assert taken(store) != ledger(store)[:3]


def test_an_event_that_can_not_be_taken_stops_it_there(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    live(store)
    projection = SignIns()
    projection.poison = at = ledger(store)[50]
    runner = ProjectionRunner(store, projection, page=20)
    runner.catch_up()
    status = runner.status()
    assert status is not None
    assert status.problem == (at, "RuntimeError: no such day")
    assert (status.position, status.behind) == (
        ledger(store)[49],
        ledger(store)[-1] - status.position,
    )
    assert taken(store) == ledger(store)[:50]
    assert "no such day" not in caplog.text
    assert f"RuntimeError at {at}" in caplog.text
    assert ProjectionRunner(store, SignIns()).step() == 0
    projection.poison = None
    runner.resume()
    runner.catch_up()
    assert taken(store) == ledger(store)


def test_or_is_set_aside_and_named(store: SqlStore) -> None:
    live(store)
    projection = SignIns()
    projection.poison = at = ledger(store)[50]
    runner = ProjectionRunner(store, projection, page=20, set_aside=True)
    assert runner.catch_up() == len(ledger(store))
    assert runner.set_aside() == [(at, "RuntimeError: no such day")]
    assert taken(store) == [position for position in ledger(store) if position != at]


def test_an_event_that_can_not_be_read_stops_it_too(store: SqlStore) -> None:
    live(store)
    table = store.parts.prepared.schema.event
    row = {"stream": "installation:other", "version": 99, "topic": "no.such:topic", "state": b"{}"}
    with store.database.writing() as connection:
        connection.execute(insert(table).values(**row))
    live(store)
    runner = ProjectionRunner(store, SignIns(), page=20)
    runner.catch_up()
    status = runner.status()
    assert status is not None
    assert status.problem is not None
    with store.database.reading() as connection:
        broken = select(table.c.position).where(table.c.version == 99)
        assert status.problem.position == connection.execute(broken).scalar()
    assert status.problem.cause.startswith("StoreDamaged")
    assert taken(store)
    assert taken(store)[-1] < status.problem.position


def test_it_pauses_for_all_runners_and_begins_again_where_it_is_told(store: SqlStore) -> None:
    live(store)
    runner, other = (ProjectionRunner(store, SignIns(), page=10) for _ in range(2))
    assert runner.step() == 10
    other.pause()
    assert runner.catch_up() == 0
    status = runner.status()
    assert status is not None
    assert status.paused
    other.resume()
    runner.catch_up()
    runner.restart(clear)
    assert taken(store) == []
    assert runner.catch_up() == len(ledger(store))
    assert sign_ins(store) == TURNS


def test_R37_a_page_that_was_read_before_a_restart_is_not_taken(store: SqlStore) -> None:
    live(store)
    runner = ProjectionRunner(store, SignIns(), page=10)
    assert runner.step() == 10
    position = runner._lease.take()
    assert position is not None
    late = runner._read(position, 10)
    runner.restart(clear)
    with pytest.raises(Conflict):
        runner._take(position, late)
    assert runner.catch_up() == len(ledger(store))
    assert taken(store) == ledger(store)
