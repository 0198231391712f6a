"""A replica that is silent, gone, behind or no replica is left out; answers stay exact (R19)."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from threading import Thread

import pytest
from sqlalchemy import create_engine

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.replicas.sockets import Sockets
from addressee.application import Identity, Personalization, Targeting
from addressee.domain import StoreUnavailable
from tests.integration.replicas.conftest import Replicated
from tests.patience import Progress, wait_until
from tests.servers.databases.replicas import Replica, signal_all

ENDED = 2.0
"""Seconds after which no query may fail any more."""


class Asker:
    """Logs in and out, and queries replicas, without a pause.

    Attributes:
        failures: when queries failed, by the monotonic clock.
        reached: how many queries found somebody who was logged out.
        progress: counts the queries.
    """

    def __init__(self, commands: SqlStore, queries: SqlStore) -> None:
        self._people, self._reach = Personalization(commands), Targeting(queries)
        self._people.register("shop", installation="tablet")
        self.failures: list[float] = []
        self.reached = 0
        self.progress = Progress()

    def run(self) -> None:
        number = 0
        while not self.progress.over:
            number += 1
            audience = 'external_id:"ali"' if number % 2 else "tag:vip"
            self._people.personalize("tablet", Identity(external_id="ali"), tags={"vip"})
            self._people.depersonalize("tablet")
            try:
                self.reached += self._reach.count("shop", audience) > 0
            except StoreUnavailable:
                self.failures.append(time.monotonic())
            self.progress.add()


@contextmanager
def asking(commands: SqlStore, queries: SqlStore, threads: int = 1) -> Generator[Asker]:
    """Ask until the block ends."""
    asker = Asker(commands, queries)
    running = [Thread(target=asker.run) for _ in range(threads)]
    for each in running:
        each.start()
    try:
        asker.progress.wait_for(20, "queries")
        yield asker
    finally:
        asker.progress.close()
        for each in running:
            each.join()
    assert asker.reached == 0


def outages(replica: Replica) -> list[tuple[str, Callable[[], None], Callable[[], None]]]:
    """Return how a replica fails: why it is left out, what begins it, what ends it."""

    def stop() -> None:
        signal_all(replica, signal.SIGSTOP)

    def go_on() -> None:
        signal_all(replica, signal.SIGCONT)

    return [
        ("does not answer", stop, go_on),
        ("does not answer", replica.kill, replica.start),
        ("lags", replica.pause, replica.resume),
    ]


def test_R19_answers_stay_exact_while_a_replica_fails(
    database: Replicated, caplog: pytest.LogCaptureFixture, *, long: bool
) -> None:
    caplog.set_level(logging.INFO, "addressee")
    replica = database.cluster.replicas[0]
    with (
        SqlStore(database.url) as commands,
        database.store() as queries,
        asking(commands, queries) as asker,
    ):
        for why, begin, end in outages(replica) * 5 if long else outages(replica)[::2]:
            began = time.monotonic()
            begin()
            try:
                wait_until(partial(is_left_out, queries, why), f"it is left out: {why}")
                if long:
                    time.sleep(max(0.0, began + ENDED - time.monotonic()))
                asker.progress.wait_for(20, "queries without it")
                late = [at - began for at in asker.failures if at > began + ENDED]
                assert not (long and late), (why, late)
            finally:
                end()
            wait_until(lambda: not queries.replicas[0].left_out, "it is used again")
            asker.progress.wait_for(20, "queries with it")
        assert queries.replicas[1].left_out == ""
    said = [each.message for each in caplog.records]
    assert f"replica 127.0.0.1:{replica.port} is left out: it lags" in said
    assert f"replica 127.0.0.1:{replica.port} answers queries" in said


def is_left_out(store: SqlStore, why: str) -> bool:
    return store.replicas[0].left_out == why


def test_a_server_that_is_no_replica_gets_no_query(database: Replicated) -> None:
    with SqlStore(database.url, replicas=[database.url]) as store:
        Personalization(store).register("shop")
        assert Targeting(store).count("shop", "all") == 1
        assert [each.left_out for each in store.replicas] == ["is a primary"]


def test_without_a_replica_that_answers_the_primary_does(database: Replicated) -> None:
    nobody = "postgresql+psycopg://postgres@127.0.0.1:9/none"
    with SqlStore(database.url, replicas=[nobody]) as store:
        Personalization(store).register("shop")
        assert Targeting(store).count("shop", "all") == 1
        assert [each.left_out for each in store.replicas] == ["does not answer"]


def test_nobody_else_is_hung_up_on_who_has_the_number_of_a_socket() -> None:
    """A driver closes the socket of a connection that broke, and others get its number."""
    silent = Sockets(create_engine("postgresql+psycopg://shop@127.0.0.1:1/shop"))
    broken, server = socket.socketpair()
    other, peer = socket.socketpair()
    with broken, server, other, peer:
        silent.opened(broken, None)
        os.dup2(other.fileno(), broken.fileno())
        silent.hang_up()
        assert server.recv(1) == b"", "its own is hung up on"
        other.send(b"1")
        assert peer.recv(1) == b"1"
        silent.closed(broken, None)
