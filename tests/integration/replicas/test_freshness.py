"""Nobody who was logged out is reached by way of a replica (R19)."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.dialects import postgresql_replication
from addressee.adapters.sql.replicas import replica, routing
from addressee.application import Identity, Personalization, Targeting
from addressee.domain import InvalidValue
from tests.integration.replicas.conftest import Replicated
from tests.patience import wait_until

MODES = ["position", "remote_apply"]
TABLETS, FEW = 8, 100
"""How many log out at the same time where there are more than a few rounds."""


def reached_after_logout(commands: SqlStore, queries: SqlStore, rounds: int) -> int:
    """Return in how many rounds an audience on the old person still reaches the installation.

    Many rounds are shared by threads, of which each has its own installation, persons and tag.
    """
    people, reach = Personalization(commands), Targeting(queries)
    tablets = TABLETS if rounds > FEW else 1

    def reached(tablet: int) -> int:
        people.register("shop", installation=f"tablet{tablet}")
        found = 0
        for number in range(rounds // tablets):
            person = Identity(external_id=f"person{tablet}-{number % 7}")
            people.personalize(f"tablet{tablet}", person, tags={f"vip{tablet}"})
            people.depersonalize(f"tablet{tablet}")
            by_name = number % 2
            audience = f'external_id:"{person.external_id}"' if by_name else f"tag:vip{tablet}"
            found += reach.count("shop", audience) > 0
        return found

    with ThreadPoolExecutor(tablets) as threads:
        return sum(threads.map(reached, range(tablets)))


def synchronous(store: SqlStore) -> bool:
    """Have a store look at its replicas; whether commits are seen to wait for all."""
    Targeting(store).count("shop", "all")
    return all(each.synchronous for each in store.replicas)


@contextmanager
def opened(database: Replicated, mode: str) -> Generator[tuple[SqlStore, SqlStore]]:
    """Open a store for commands, and one whose queries go to replicas."""
    if mode == "remote_apply":
        database.cluster.wait_for_applied("replica1", "replica2")
    with ExitStack() as stack:
        commands = stack.enter_context(SqlStore(database.url))
        queries = stack.enter_context(database.store(remote_apply=mode == "remote_apply"))
        if mode == "remote_apply":
            wait_until(lambda: synchronous(queries), "commits are seen to wait for replicas")
        yield commands, queries


@pytest.mark.parametrize("mode", MODES)
def test_R19_logout_reaches_every_replica(database: Replicated, mode: str, *, long: bool) -> None:
    with opened(database, mode) as (commands, queries):
        assert reached_after_logout(commands, queries, 10_000 if long else 25) == 0
        assert [each.left_out for each in queries.replicas] == ["", ""]
        assert [each.failures for each in queries.replicas] == [0, 0]


def test_without_either_a_replica_is_behind(
    database: Replicated, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    monkeypatch.setattr(routing, "commits_wait", lambda _: "")
    somewhere = postgresql_replication.Standing(replica=False, timeline=1, position=0)
    monkeypatch.setattr(replica, "standing_if_waiting", lambda *_: somewhere)
    with SqlStore(database.url) as commands, database.store(remote_apply=True) as queries:
        wait_until(lambda: synchronous(queries), "commits are taken to wait for replicas")
        if long:
            assert reached_after_logout(commands, queries, 10_000) > 0
            return
        people, reach = Personalization(commands), Targeting(queries)
        people.register("shop", installation="tablet")
        people.personalize("tablet", Identity(external_id="ali"))
        [(written,)] = database.cluster.primary.execute("SELECT pg_current_wal_lsn()")
        applied = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
        with ExitStack() as stack:
            for each in database.cluster.replicas:
                wait_until(lambda: each.execute(applied) == [(True,)], "the sign-in is there")  # noqa: B023 # asked at once
                stack.callback(each.resume)
                each.pause()
            people.depersonalize("tablet")
            assert [reach.count("shop", "external_id:ali") for _ in range(4)] == [1] * 4


@contextmanager
def closing_engine(url: str) -> Generator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


def test_commits_that_do_not_wait_are_said_when_the_store_is_opened(database: Replicated) -> None:
    with pytest.raises(InvalidValue, match=r"remote_apply.*synchronous_commit is on"):
        database.store(remote_apply=True)
    with pytest.raises(InvalidValue, match="statement_timeout"):
        SqlStore(database.url, replicas=database.replicas, remote_apply=True, statement_timeout=1)
    with (
        closing_engine(database.url) as engine,
        pytest.raises(InvalidValue, match=r"replicas.*opened by a URL"),
    ):
        SqlStore(engine, replicas=database.replicas)
    early = f"{database.url}?options=-csynchronous_commit%3Doff"
    with pytest.raises(InvalidValue, match=r"replicas.*synchronous_commit is off"):
        SqlStore(early, replicas=database.replicas)


STANDBYS = {
    "FIRST 2 (replica1, replica2)": True,
    "ANY 2 (replica1, replica2)": True,
    "2 (replica1,replica2)": True,
    "replica1": True,
    "FIRST 1 (replica1, replica2)": False,
    "ANY 1 (replica1, replica2)": False,
    "replica1, replica2": False,
    "FIRST 2 (*)": False,
    "replica2": False,
}
"""Setting → whether no commit passes the first replica by, whatever happens to the others."""


def test_only_commits_that_wait_for_every_standby_make_one_synchronous(
    database: Replicated,
) -> None:
    cluster, found = database.cluster, {}
    for standbys in STANDBYS:
        cluster.set_standbys(standbys)
        [(names, *_)] = cluster.primary.execute(postgresql_replication.WAITED_FOR)
        found[standbys] = "replica1" in names.split()
    assert found == STANDBYS


def test_other_databases_have_no_replicas(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with pytest.raises(InvalidValue, match=r"replicas.*PostgreSQL"):
        SqlStore(url, replicas=[url])
