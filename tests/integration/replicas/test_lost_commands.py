"""A replica is promoted that lacks commands: whoever lives on forgets them, too (R19, R32)."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import make_url

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.epochs import Identity as Run
from addressee.application import History, Identity, Personalization, Profiles, Targeting, verify
from addressee.domain import StoreUnavailable
from tests.integration.replicas.conftest import Replicated, replicated
from tests.integration.sealing.conftest import WRAPPING
from tests.patience import wait_until
from tests.servers import Postgres, postgres_server
from tests.servers.databases.replicas import postgres_cluster, signal_all

KEPT, LOST = 5, 15
"""Installations before and after the replica was cut off. PostgreSQL takes numbers for rows from
the log 32 ahead, so that fewer would not be given twice."""


@pytest.fixture
def failing() -> Generator[Replicated]:
    """Return a database on a cluster of its own, whose commits wait for no replica."""
    with postgres_cluster(2) as servers:
        yield replicated(servers)


class Shop:
    """All that a process has of a store, with what it caches.

    Args:
        store: lives on while servers change.
    """

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.people = Personalization(store)
        self.reach = Targeting(store)
        self.profiles = Profiles(store, self.people)
        self.history = History(store)

    def sign_in(self, name: str, tag: str) -> None:
        """Register an installation, sign somebody in on it and have it found by a tag of its own.

        The person is named after the installation.
        """
        self.people.register("shop", installation=name)
        self.people.personalize(name, Identity(external_id=f"of-{name}"), tags={tag})

    def found(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return who is found by which query."""
        queries = ["all", "tag:vip", *(f"tag:{n}" for n in names)]
        queries += [f'external_id:"of-{name}"' for name in names[::10]]
        return {query: [*self.reach.targets("shop", query)] for query in queries}

    def told(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return what happened to installations, by the types of events."""
        return {
            name: [type(each.event).__name__ for each in self.history.installation(name)]
            for name in names
        }


def fail_over(
    database: Replicated,
    lose: Callable[[], object],
    end: Callable[[Postgres], object] = Postgres.kill,
) -> None:
    """Promote a replica that lacks what is done meanwhile; the other one follows it.

    Args:
        database: of the cluster.
        lose: does what is lost.
        end: ends the primary.
    """
    first, second = database.cluster.replicas
    primary = database.cluster.primary
    [(written,)] = primary.execute("SELECT pg_current_wal_insert_lsn()")
    for each in (first, second):
        applied = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
        wait_until(lambda: each.execute(applied) == [(True,)], "what is kept is there")  # noqa: B023 # asked at once
        each.cut_off()
    lose()
    end(primary)
    first.promote()
    second.follow(first)


def go_on(shop: Shop) -> None:
    """Return once commands are taken again."""
    taken(lambda: shop.people.register("shop", installation="another"))


def taken(command: Callable[[], object]) -> None:
    """Give a command until it is taken."""

    def done() -> bool:
        with suppress(StoreUnavailable):
            command()
            return True
        return False

    wait_until(done, "it is taken")


@pytest.mark.every_case
def test_R32_no_version_is_missing_behind_commands_that_were_lost(failing: Replicated) -> None:
    with SqlStore(failing.multi_host) as store:
        shop = Shop(store)
        names = [f"kept{n}" for n in range(KEPT)]
        for name in names:
            shop.sign_in(name, "vip")

        def change_hands(name: str) -> None:
            shop.people.depersonalize(name)
            shop.people.personalize(name, Identity(external_id=f"next-{name}"))

        with ThreadPoolExecutor(KEPT) as threads:  # which share transactions
            fail_over(failing, lambda: [*threads.map(change_hands, names)])
            go_on(shop)
            for _ in threads.map(shop.people.depersonalize, names):
                pass
        assert store.epoch == 2
        assert verify(store).differences == ()
        with SqlStore(failing.multi_host) as fresh:
            assert shop.told(names) == Shop(fresh).told(names)


@pytest.mark.parametrize(
    "queries", [pytest.param("primary", marks=pytest.mark.every_case), "replicas"]
)
def test_R19_audiences_know_nothing_of_commands_that_were_lost(
    failing: Replicated, queries: str
) -> None:
    replicas = failing.replicas if queries == "replicas" else []
    with SqlStore(failing.multi_host, replicas=replicas) as store:
        shop = Shop(store)
        kept, lost = [[f"{k}{n}" for n in range(m)] for k, m in (("kept", KEPT), ("lost", LOST))]
        for name in kept:
            shop.sign_in(name, "vip")

        def lose() -> None:
            for name in lost:  # which get ordinals, and numbers of terms, that others get again
                shop.sign_in(name, f"tag-{name}")
            assert len(shop.found(lost)["all"]) == KEPT + LOST
            shop.told(lost)

        fail_over(failing, lose)
        go_on(shop)
        assert store.settled() == store.last()
        again = [f"again{n}" for n in range(LOST)]
        for name in reversed(again):
            shop.sign_in(name, f"tag-{name}")
        for name, other in zip(lost, again, strict=True):
            shop.people.personalize(
                other, Identity(external_id=f"of-{other}"), tags={f"tag-{name}"}
            )
        with SqlStore(failing.multi_host) as fresh:
            names = [*kept, *again, *(f"tag-{n}" for n in [*lost, *again])]
            assert shop.found(names) == Shop(fresh).found(names)
            assert shop.told([*kept, *again]) == Shop(fresh).told([*kept, *again])
            assert verify(fresh).differences == ()
            assert store.settled() == fresh.settled() == fresh.last()
        if replicas:
            wait_until(
                lambda: (
                    shop.reach.count("shop", "all")
                    and [each.left_out for each in store.replicas] == ["is a primary", ""]
                ),
                "the replica that was behind is used again",
            )


@pytest.mark.every_case
def test_a_primary_that_was_replaced_and_lives_on_is_refused(failing: Replicated) -> None:
    primary = failing.cluster.primary
    with SqlStore(failing.multi_host) as store:
        shop = Shop(store)
        shop.sign_in("tablet", "vip")
        fail_over(failing, lambda: None, lambda server: signal_all(server, signal.SIGSTOP))
        store.database.engine.dispose()  # connections to a server that says nothing
        try:
            go_on(shop)
        finally:
            signal_all(primary, signal.SIGCONT)
        store.database.give_up()  # a new one goes to the first server that takes commands
        with pytest.raises(StoreUnavailable, match="another one was promoted to timeline 2"):
            shop.people.register("shop")
        assert store.epoch == 2


def test_a_server_that_was_started_again_begins_an_epoch() -> None:
    with postgres_server() as server, SqlStore(server.new_database()) as store:
        shop = Shop(store)
        shop.sign_in("tablet", "vip")
        assert store.epoch == 1
        server.kill()
        server.start()
        go_on(shop)
        assert store.epoch == 2
        assert verify(store).differences == ()


def test_any_role_may_ask_for_the_epoch(postgres: Postgres) -> None:
    url = make_url(postgres.new_database())
    with SqlStore(url) as owned:
        with owned.database.engine.begin() as connection:
            for statement in (
                "CREATE ROLE asker LOGIN",
                "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO asker",
            ):
                connection.exec_driver_sql(statement)
        known = identity(owned)
        assert known.system
        assert known.timeline == 1
        with SqlStore(url.set(username="asker")) as asking:
            assert identity(asking) == known
        with owned.database.engine.begin() as connection:
            revoked = "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC"
            connection.exec_driver_sql(revoked)
        with SqlStore(url.set(username="asker")) as refused:
            assert identity(refused) == (0, 0, known.started)


def test_R50_what_is_sealed_after_commands_were_lost_has_keys_that_are_there(
    failing: Replicated,
) -> None:
    at = failing.multi_host
    with (
        SqlKeyStore(at, wrapping_key=WRAPPING) as keys,
        SqlStore(at, keys=keys) as store,
    ):
        shop = Shop(store)
        shop.sign_in("kept", "vip")

        def lose() -> None:
            for number in range(LOST):
                shop.sign_in(f"lost{number}", "vip")

        fail_over(failing, lose)
        go_on(shop)
        names = [f"after{n}" for n in range(KEPT)]
        for name in names:
            taken(partial(shop.sign_in, name, "vip"))  # the key store has connections of its own
        with SqlKeyStore(at, wrapping_key=WRAPPING) as others, SqlStore(at, keys=others) as opened:
            assert all(History(opened).installation(name) for name in names)
            assert verify(opened).differences == ()


@pytest.mark.every_case
def test_who_may_not_ask_for_all_of_the_epoch_has_replicas_too(failing: Replicated) -> None:
    url, *replicas = (
        make_url(each).set(username="asker").render_as_string()
        for each in (failing.url, *failing.replicas)
    )
    with failing.store() as owned:
        Shop(owned).sign_in("phone", "vip")
        with owned.database.engine.begin() as connection:
            for statement in (
                "CREATE ROLE asker LOGIN",
                "GRANT SELECT ON ALL TABLES IN SCHEMA public TO asker",
                "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
            ):
                connection.exec_driver_sql(statement)
    failing.cluster.wait_for_applied()
    with SqlStore(url, replicas=replicas) as asking:
        for _ in range(3):
            assert Targeting(asking).count("shop", "tag:vip") == 1


def identity(store: SqlStore) -> Run:
    with store.database.engine.connect() as connection:
        found = store.database.dialect.identity(connection)
        assert found is not None
        return found
