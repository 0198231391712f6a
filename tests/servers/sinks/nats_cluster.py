"""A cluster of NATS servers with JetStream on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.js.errors import APIError

from tests.patience import wait_until

from ..ports import free_port
from .brokers import Broker, Nats


class Node(Nats):
    """One server of a cluster.

    Args:
        folder: for its data; its name is the server's.
        own: the port for other servers.
        routes: those of all servers.
    """

    def __init__(self, folder: Path, own: int, routes: Sequence[int]) -> None:
        super().__init__(folder)
        self._own, self._routes = own, routes

    def command(self) -> Sequence[str]:
        routes = ",".join(f"nats://127.0.0.1:{each}" for each in self._routes)
        own = ("-n", self.folder.name, "--cluster_name", "tests", "--routes", routes)
        return (*super().command(), *own, "--cluster", f"nats://127.0.0.1:{self._own}")


@dataclass(frozen=True)
class NatsCluster:
    """Servers that elect leaders among themselves."""

    nodes: Sequence[Broker]

    @property
    def urls(self) -> list[str]:
        return [each.url for each in self.nodes]

    def leader(self, stream: str) -> Broker:
        """Return the node that leads a stream."""
        name = asyncio.run(self._leader(stream))
        return next(each for each in self.nodes if each.folder.name == name)

    def wait_until_ready(self) -> None:
        """Return once the servers have elected a leader."""
        wait_until(lambda: asyncio.run(self._answers()), "the cluster has a leader", pause=0.1)

    async def _leader(self, stream: str) -> str:
        client: Any = await self._connected()
        try:
            found: Any = await client.jetstream().stream_info(stream)
            return str(found.cluster.leader)
        finally:
            await client.close()

    async def _answers(self) -> bool:
        client: Any = await self._connected()
        try:
            await client.jetstream(timeout=1).account_info()
        except (APIError, TimeoutError):
            return False
        else:
            return True
        finally:
            await client.close()

    async def _connected(self) -> Any:  # noqa: ANN401 # the driver's is untyped in parts
        return await nats.connect(self.urls)  # pyright: ignore[reportUnknownMemberType] # untyped options


@contextlib.contextmanager
def nats_cluster(size: int = 3) -> Generator[NatsCluster]:
    """Start servers for a block of code and remove all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="addressee-cluster-"))
    ports = [free_port() for _ in range(size)]
    nodes: list[Node] = []
    for number, port in enumerate(ports, 1):
        own = folder / f"n{number}"
        own.mkdir()
        nodes.append(Node(own, port, ports))
    try:
        for each in nodes:
            each.start()
        cluster = NatsCluster(nodes)
        cluster.wait_until_ready()
        yield cluster
    finally:
        for each in nodes:
            each.kill()
        shutil.rmtree(folder, ignore_errors=True)
