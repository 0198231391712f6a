"""The primary dies and a replica is promoted: nothing is lost or done twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from threading import Thread

import httpx
import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import History, Identity, Personalization, Targeting, verify
from addressee.domain import StoreUnavailable
from tests.integration.replicas.conftest import Replicated, replicated
from tests.integration.replicas.test_freshness import synchronous
from tests.patience import Progress, wait_until
from tests.servers import client, http_server
from tests.servers.databases.replicas import postgres_cluster, signal_all

A_SECOND = 20
"""Commands that are given."""
BACK = 5.0
"""Seconds after which a service answers again."""


@pytest.fixture
def failing() -> Generator[Replicated]:
    """Return a database on a cluster of its own, whose commits wait for both replicas."""
    with postgres_cluster() as servers:
        servers.wait_for_applied("replica1", "replica2")
        yield replicated(servers)


class Sender:
    """Gives commands at a pace, each with a key, and repeats those in doubt.

    Attributes:
        acknowledged: the installations that were registered, by the answers.
        doubts: how many answers were errors.
    """

    def __init__(self, store: SqlStore) -> None:
        self._people = Personalization(store)
        self.acknowledged: list[str] = []
        self.doubts = 0
        self.progress = Progress()

    def run(self) -> None:
        number = 0
        while not self.progress.over:
            number += 1
            self._give(f"phone{number}")
            time.sleep(1 / A_SECOND)

    def _give(self, name: str) -> None:
        while True:
            try:
                self._people.register("shop", installation=name, idempotency_key=name)
            except StoreUnavailable:
                self.doubts += 1
                time.sleep(0.05)
            else:
                self.acknowledged.append(name)
                self.progress.add()
                return


def test_R31_a_promoted_replica_has_every_acknowledged_command_once(
    failing: Replicated, *, long: bool
) -> None:
    first, second = failing.cluster.replicas
    url, enough = failing.multi_host, 100 if long else 5
    with SqlStore(url, replicas=failing.replicas) as store, ExitStack() as stack:
        ready = ready_service(stack, failing) if long else SqlStore.ping
        sender = Sender(store)
        thread = Thread(target=sender.run)
        thread.start()
        try:
            sender.progress.wait_for(enough, "commands before")
            failing.cluster.primary.kill()
            killed = time.monotonic()
            first.promote()
            second.follow(first)
            wait_until(lambda: answers(ready, store), "the service answers")
            back = time.monotonic() - killed
            sender.progress.wait_for(enough, "commands after")
        finally:
            sender.progress.close()
            thread.join()
        print(f"answers after {back:.2f} s; {sender.doubts} answers were errors")  # noqa: T201
        assert sender.doubts
        assert back < BACK or not long
        check(store, sender.acknowledged)


def ready_service(stack: ExitStack, database: Replicated) -> Callable[[SqlStore], object]:
    """Serve a database, and return what asks the service whether it is ready."""
    options = [f"--replica={each}" for each in database.replicas]
    served = stack.enter_context(http_server(database.multi_host, *options))
    http = stack.enter_context(client(served.url))
    return lambda _: http.get("/v1/ready").raise_for_status()


def answers(ready: Callable[[SqlStore], object], store: SqlStore) -> bool:
    """Whether a store or its service is ready for commands."""
    try:
        ready(store)
    except (StoreUnavailable, httpx.HTTPStatusError):
        return False
    return True


def check(store: SqlStore, acknowledged: list[str]) -> None:
    """Check that every acknowledged command took effect once, and where queries go now."""
    history, reach = History(store), Targeting(store)
    for name in acknowledged:
        events = [type(each.event).__name__ for each in history.installation(name)]
        assert events == ["InstallationRegistered"], name
    wait_until(
        lambda: [uses(reach, store, n) for n in range(2)] == ["is a primary", ""],
        "queries go to the replica that is left",
    )
    assert reach.count("shop", "all") == len(acknowledged)
    Personalization(store).personalize(acknowledged[0], Identity(external_id="ali"))
    assert [*reach.targets("shop", 'external_id:"ali"')] == acknowledged[:1]
    assert verify(store).differences == ()


@pytest.mark.every_case
def test_R19_a_replica_of_a_silent_primary_is_not_taken_for_current(failing: Replicated) -> None:
    cluster = failing.cluster
    first, _ = cluster.replicas
    with SqlStore(failing.url, replicas=failing.replicas[1:], remote_apply=True) as store:
        people, reach = Personalization(store), Targeting(store)
        people.register("shop", installation="tablet")
        people.personalize("tablet", Identity(external_id="ali"))
        wait_until(lambda: synchronous(store), "commits are seen to wait")
        signal_all(cluster.primary, signal.SIGSTOP)
        try:
            first.promote()
            with SqlStore(failing.replicas[0]) as promoted:
                Personalization(promoted).depersonalize("tablet")
            wait_until(lambda: not store.replicas[0].synchronous, "it is asked by position")
            with pytest.raises(StoreUnavailable, match="does not answer"):
                reach.count("shop", 'external_id:"ali"')
        finally:
            signal_all(cluster.primary, signal.SIGCONT)


def uses(reach: Targeting, store: SqlStore, number: int) -> str:
    reach.count("shop", "all")
    return store.replicas[number].left_out


def test_the_connections_to_a_demoted_primary_are_given_up_together(
    database: Replicated,
) -> None:
    [*_, name] = database.url.split("/")
    fence = f"ALTER DATABASE {name} SET default_transaction_read_only"
    with SqlStore(database.url) as store:
        people = Personalization(store)
        database.cluster.primary.execute(f"{fence} = on")
        store.database.give_up()  # sessions have the setting that they begin with
        with store.database.reading(), store.database.reading(), store.database.reading():
            pass
        database.cluster.primary.execute(f"{fence} = off")
        with pytest.raises(StoreUnavailable, match="read-only"):
            people.register("shop")
        for _ in range(5):
            people.register("shop")
