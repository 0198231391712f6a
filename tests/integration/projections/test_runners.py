"""Runners of one projection: leases, wake-ups, outages (R37)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

from addressee.adapters.sql import ProjectionRunner, SqlStore
from addressee.application import Identity, Personalization
from addressee.domain import Conflict, DevicePersonalized
from tests.integration.projections.conftest import (
    SIGN_INS,
    TURNS,
    SignIns,
    ledger,
    live,
    sign_ins,
    taken,
)
from tests.patience import PATIENCE, wait_until
from tests.servers import Postgres


def test_another_takes_over_from_a_runner_that_says_nothing(store: SqlStore) -> None:
    live(store)
    now = datetime.now(UTC)
    first = ProjectionRunner(store, SignIns(), page=3, clock=lambda: now)
    assert first.step() == 3
    second = ProjectionRunner(store, SignIns(), clock=lambda: now)
    assert second.step() == 0
    now += timedelta(seconds=11)
    assert second.catch_up() == len(ledger(store)) - 3
    late = first._read(3, 1)
    with pytest.raises(Conflict):
        first._take(3, late)
    assert first.step() == 0
    assert taken(store) == ledger(store)
    assert sign_ins(store) == TURNS


@pytest.mark.parametrize("off", [timedelta(hours=2), timedelta(hours=-2)])
def test_R37_a_lease_by_a_wrong_clock_keeps_no_other_runner_from_work(
    store: SqlStore, off: timedelta
) -> None:
    live(store)
    wrong = ProjectionRunner(store, SignIns(), page=3, clock=lambda: datetime.now(UTC) + off)
    assert wrong.step() == 3
    other = ProjectionRunner(store, SignIns())
    status = other.status()
    assert status is not None
    assert status.holder is None
    assert other.catch_up() == len(ledger(store)) - 3
    assert taken(store) == ledger(store)


def test_a_lease_is_shown_until_it_ends_and_resume_frees_it(store: SqlStore) -> None:
    live(store, 1)
    now = datetime.now(UTC)
    runner, other = (ProjectionRunner(store, SignIns(), clock=lambda: now) for _ in range(2))
    assert runner.step()
    status = other.status()
    assert status is not None
    assert (status.holder, status.until) == (runner._lease.holder, now + timedelta(seconds=10))
    now += timedelta(seconds=11)
    status = other.status()
    assert status is not None
    assert status.holder is None
    assert runner._lease.take()
    assert other._lease.take() is None
    other.resume()
    assert other._lease.take()


def test_who_makes_the_row_of_a_lease_second_does_not_have_it(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (ProjectionRunner(store, SignIns())._lease for _ in range(2))
    assert first.take() == 0
    monkeypatch.setattr(second, "known", lambda _: None)  # as it was read before the first made it
    assert second.take() is None


def test_it_runs_beside_commands_and_is_woken(store: SqlStore) -> None:
    people, stop = Personalization(store), Event()
    runner = ProjectionRunner(store, SignIns(), poll=60)
    people.subscribe(DevicePersonalized, runner.wake)
    thread = Thread(target=runner.run, args=(stop,))
    thread.start()
    for n in range(10):
        people.register("shop", installation=f"d{n}")
        people.personalize(f"d{n}", Identity(external_id=f"p{n}"))
        wait_until(lambda: sign_ins(store) == n + 1, f"{n + 1} sign-ins", pause=0.005)  # noqa: B023 # asked at once
    stop.set()
    runner.wake()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    status = runner.status()
    assert status is not None
    assert status.holder is None


def test_it_goes_on_when_the_server_is_back(stoppable_postgres: Postgres) -> None:
    with SqlStore(stoppable_postgres.new_database()) as store:
        SIGN_INS.metadata.create_all(store.database.engine)
        live(store, 10)
        stop = Event()
        runner = ProjectionRunner(store, SignIns(), page=5)
        thread = Thread(target=runner.run, args=(stop,))
        thread.start()
        stoppable_postgres.stop()
        time.sleep(0.5)
        stoppable_postgres.start()
        live(store, 10)
        wait_until(lambda: taken(store) == ledger(store), "all events")
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()
