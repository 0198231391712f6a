"""Projections of a host's own: each event once, whoever runs them, whatever fails (R37)."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from eventsourcing.persistence import Tracking
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from addressee.adapters.sql import ProjectionRunner, SqlStore
from addressee.adapters.sql.checkpoints.lease import Lease
from addressee.application import Identity, Personalization, Recorded
from addressee.domain import Conflict, DevicePersonalized
from tests.patience import PATIENCE, wait_until
from tests.servers import Postgres

SIGN_INS = Table(
    "sign_ins",
    MetaData(),
    Column("person", String(64), primary_key=True),
    Column("n", Integer, nullable=False),
)
TAKEN = Table("taken", SIGN_INS.metadata, Column("position", Integer), Column("n", Integer))


class SignIns:
    """Counts sign-ins a person, and notes every position that it is given."""

    name = "sign-ins"
    poison: int | None = None

    def process_batch(
        self, connection: Connection, page: Sequence[Recorded], tracking: Tracking
    ) -> None:
        assert tracking == Tracking(self.name, page[-1].position)
        for position, event in page:
            connection.execute(insert(TAKEN).values(position=position, n=1))
            if position == self.poison:
                raise RuntimeError("no such day")
            if isinstance(event, DevicePersonalized) and event.originator_id.startswith("person"):
                more = update(SIGN_INS).where(SIGN_INS.c.person == event.person)
                if connection.execute(more.values(n=SIGN_INS.c.n + 1)).rowcount == 0:
                    connection.execute(insert(SIGN_INS).values(person=event.person, n=1))


def clear(connection: Connection) -> None:
    connection.execute(delete(SIGN_INS))
    connection.execute(delete(TAKEN))


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url) as store:
        SIGN_INS.metadata.create_all(store.database.engine)
        yield store


def live(store: SqlStore, turns: int = 40) -> None:
    people = Personalization(store)
    for n in range(turns):
        people.register("shop", installation=f"d{n % 7}")
        people.personalize(f"d{n % 7}", Identity(external_id=f"p{n % 5}"), force_depersonalize=True)


def taken(store: SqlStore) -> list[int]:
    with store.database.reading() as connection:
        return sorted(connection.execute(select(TAKEN.c.position)).scalars())


def ledger(store: SqlStore) -> list[int]:
    with store.reading() as reader:
        return [position for position, _ in reader.events(0, 100_000)]


def sign_ins(store: SqlStore) -> int:
    with store.database.reading() as connection:
        return connection.execute(select(func.sum(SIGN_INS.c.n))).scalar() or 0


def race(url: str, runners: int = 8) -> None:
    """Run one projection by many runners, each with a store of its own, up to the ledger's end."""

    def run(_: int) -> None:
        with SqlStore(url) as store:
            runner = ProjectionRunner(store, SignIns(), page=3)

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
    assert sign_ins(store) == 40


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
    assert sign_ins(store) == 40


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
