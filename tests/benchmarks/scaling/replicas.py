"""Queries a second with two replicas and without, where each server has one core of its own.

Servers of this benchmark share the cores of one machine, so their work is measured instead: the
processor time that a query takes of each server, primary included. The throughput is what the
busiest server allows; it is assumed that clients and network allow more, and that the two replicas
share the queries evenly. That is a simulation, and no measurement of three machines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting
from tests.benchmarks.report import Figure
from tests.patience import wait_until
from tests.servers import Postgres
from tests.servers.databases.replicas import Cluster, postgres_cluster

INSTALLATIONS = 2_000
QUERIES = 2_000
TICKS = os.sysconf("SC_CLK_TCK")
BAR = 1.6
KINDS = {
    "a person's devices": 'external_id:"person7"',
    "an audience": "tag:vip and not os:ios",
}


def figures() -> Iterator[Figure]:
    with postgres_cluster() as cluster, ExitStack() as stack:
        url = cluster.primary.new_database()
        name = url.rpartition("/")[2]
        replicas = [each.url(name) for each in cluster.replicas]
        alone = stack.enter_context(SqlStore(url))
        fill(alone)
        by_position = stack.enter_context(SqlStore(url, replicas=replicas))
        before = {kind: busiest(cluster, alone, audience) for kind, audience in KINDS.items()}
        for kind, audience in KINDS.items():
            shared = busiest(cluster, by_position, audience)
            yield Figure(f"{kind}, by position", shared, before[kind], None)
        cluster.wait_for_applied("replica1", "replica2")
        waited = stack.enter_context(SqlStore(url, replicas=replicas, remote_apply=True))
        wait_until(lambda: all_waited(waited), "commits wait for replicas")
        for kind, audience in KINDS.items():
            shared = busiest(cluster, waited, audience)
            yield Figure(f"{kind}, remote_apply", shared, before[kind], BAR)


def fill(store: SqlStore) -> None:
    people = Personalization(store)
    for number in range(INSTALLATIONS):
        phone = f"phone{number}"
        people.register("shop", installation=phone, os="android" if number % 2 else "ios")
        people.personalize(phone, Identity(external_id=f"person{number}"), tags={"vip"})
    store.compact()
    with store.database.engine.connect() as connection:  # as PostgreSQL itself does, a minute later
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def all_waited(store: SqlStore) -> bool:
    Targeting(store).count("shop", "all")
    return all(each.synchronous for each in store.replicas)


def busiest(cluster: Cluster, store: SqlStore, audience: str) -> float:
    """Return the seconds of the busiest server that a query takes."""
    reach, servers = Targeting(store), [cluster.primary, *cluster.replicas]
    for _ in range(100):
        reach.count("shop", audience)
    before = [spent(each) for each in servers]
    for _ in range(QUERIES):
        reach.count("shop", audience)
    times = [spent(each) - start for each, start in zip(servers, before, strict=True)]
    return max(times) / QUERIES


def spent(server: Postgres) -> float:
    """Return the processor time of a server's processes, those that have ended included."""
    pid = server.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(ticks, [str(pid), *children])) / TICKS


def ticks(pid: str) -> int:
    """Return a process's own time and that of its children which have ended, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))
