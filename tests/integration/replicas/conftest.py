"""A primary with two replicas for all tests of this folder that leave their roles as they are."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pytest

from addressee.adapters.sql import SqlStore
from tests.servers.databases.replicas import Cluster, postgres_cluster


@dataclass(frozen=True)
class Replicated:
    """A database of a cluster.

    Attributes:
        cluster: its servers.
        url: on the primary.
        replicas: its URLs on the replicas.
    """

    cluster: Cluster
    url: str
    replicas: list[str]

    @property
    def multi_host(self) -> str:
        """The URL that names all servers, of which the primary is chosen."""
        return self.cluster.multi_host(self.url.rpartition("/")[2])

    def store(self, *, remote_apply: bool = False) -> SqlStore:
        """Return a store of which queries go to replicas."""
        return SqlStore(self.url, replicas=self.replicas, remote_apply=remote_apply)


def replicated(cluster: Cluster) -> Replicated:
    """Make a database."""
    url = cluster.primary.new_database()
    name = url.rpartition("/")[2]
    return Replicated(cluster, url, [each.url(name) for each in cluster.replicas])


@pytest.fixture(scope="package")
def cluster() -> Generator[Cluster]:
    with postgres_cluster() as servers:
        yield servers


@pytest.fixture
def database(cluster: Cluster) -> Generator[Replicated]:
    yield replicated(cluster)
    cluster.wait_for_applied()
