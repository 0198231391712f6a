"""Two followers of a large ledger, while a node of the stream and a follower are killed (R59)."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from addressee.adapters.following.follower import LEASE
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.adapters.sql.checkpoints.checkpoint_lease import Lease
from addressee.application import Identity, Personalization, Targeting, verify
from tests.benchmarks.reading.population import APPLICATION, KEY
from tests.benchmarks.scaling import town
from tests.command_line import run
from tests.forked import Process, forked
from tests.integration.following.stage import equal
from tests.patience import wait_until
from tests.servers.sinks.nats_cluster import NatsCluster, nats_cluster

SMALL, LARGE = 300, 20_000
ANONYMOUS = 9
"""On how many devices nobody has signed in, for each on which somebody has."""
AUDIENCES = ("all", "tag:huge", "tag:vip and primary", "os:ios and not type:customer")
STREAM = "FOLLOWED"
SINKS = """
[ledger]
kind = "nats"
servers = {urls}
stream = "{stream}"
subject = "followed"
replicas = {nodes}
data = "ledger"
"""


class Place:
    """A store and the process that works on it.

    Args:
        name: of its file.
        folder: where that is.
        words: the command.
    """

    def __init__(self, name: str, folder: Path, *words: str) -> None:
        self.at = ("--store", f"sqlite:///{name}.db")
        self.store = store = SqlStore(f"sqlite:///{folder}/{name}.db")
        with store.filling(KEY, store.indexed_attributes):
            pass  # it has the key now, for other processes as well
        self._folder, self._words = folder, words
        self._process: Process | None = None

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = forked(
                *self._words, *self.at, folder=self._folder, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End the process at once, if it runs, and the lease that it leaves for seconds."""
        if self._process is not None:
            with self._process as ended:
                ended.kill()
            self._process = None
            Lease(self.store.database, self.store.parts.prepared.schema, LEASE).resume()

    def reach(self, position: int) -> None:
        """Wait until the store has a position, however long that takes while it goes on."""
        while (has := self.store.last()) < position:
            wait_until(partial(self._goes_on, has), f"more than {has} of {position}")

    def _goes_on(self, position: int) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        return self.store.last() > position

    def close(self) -> None:
        self.kill()
        self.store.close()


class Scene:
    """A source that is relayed into a cluster, and two stores that follow it.

    Attributes:
        cluster: has the stream.
        folder: of all stores.
        source: with its relay.
        copies: with their followers.
    """

    def __init__(self, cluster: NatsCluster, folder: Path, installations: int) -> None:
        self.cluster, self.folder = cluster, folder
        self.at = [word for url in cluster.urls for word in ("--servers", url)]
        urls, nodes = json.dumps(cluster.urls), len(cluster.nodes)
        (folder / "sinks.toml").write_text(SINKS.format(urls=urls, stream=STREAM, nodes=nodes))
        (folder / "key").write_text(KEY.hex())
        self.source = Place("source", folder, "relay", "ledger", "--sinks", "sinks.toml")
        follow = ("follow", STREAM, *self.at, "--key-file", "key")
        self.copies = [Place(name, folder, *follow) for name in ("one", "two")]
        self._signed_in = 0
        town.fill(self.source.store, installations, ANONYMOUS)
        Rebuild(self.source.store).run()

    def sign_in(self, times: int) -> list[tuple[int, str, str]]:
        """Return position, installation and person of sign-ins that the source acknowledged."""
        people, done = Personalization(self.source.store), list[tuple[int, str, str]]()
        for number in range(self._signed_in, self._signed_in + times):
            device = people.register(APPLICATION, os="ios").installation
            who = Identity(external_id=f"new{number}")
            told = people.personalize(device, who, tags={"vip"}, set_primary=True)
            done.append((told.position, device, f"external_id:new{number}"))
        self._signed_in += times
        return done

    @contextmanager
    def without_leader(self) -> Generator[None]:
        """Kill the node that leads the stream, if there are others, until the block ends."""
        if len(self.cluster.nodes) == 1:
            yield
            return
        leader = self.cluster.leader(STREAM)
        leader.kill()
        yield
        leader.start()

    def promote(self, copy: Place, *form: str) -> str:
        """Return what the command prints."""
        done = run("follow", "promote", STREAM, *self.at, *copy.at, *form, folder=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def scene(request: pytest.FixtureRequest, *, long: bool, tmp_path: Path) -> Iterator[Scene]:
    """Return a scene with a cluster of three, or by default, since elections take long, of one."""
    asked: int | None = request.config.getoption("--followed")
    size = asked or (LARGE if long else SMALL)
    with ExitStack() as stack:
        if size > SMALL:
            cluster = stack.enter_context(nats_cluster())
        else:
            cluster = NatsCluster([request.getfixturevalue("nats_broker")])
        scene = Scene(cluster, tmp_path, size)
        for each in (scene.source, *scene.copies):
            stack.callback(each.close)
        yield scene


def test_R59_a_node_and_a_follower_are_killed_and_then_the_source(scene: Scene) -> None:
    source, (one, two) = scene.source, scene.copies
    end = source.store.last()
    for each in (source, one, two):
        each.start()
    one.reach(end // 3)
    with scene.without_leader():
        scene.sign_in(20)
        two.reach(end // 2)
        two.kill()
    scene.sign_in(20)
    one.reach(end * 3 // 4)
    two.start()
    for copy in (one, two):
        copy.reach(source.store.last())
    stores = [each.store for each in (source, one, two)]
    assert [verify(store).differences for store in stores] == [(), (), ()]
    assert equal(stores[0], stores[1])
    assert equal(stores[0], stores[2])
    counts = [[Targeting(store).count(APPLICATION, a) for a in AUDIENCES] for store in stores]
    assert counts[0] == counts[1] == counts[2]
    assert all(counts[0])

    acknowledged = scene.sign_in(10)
    one.reach(acknowledged[0][0])
    acknowledged += scene.sign_in(10)
    source.kill()  # the relay; and what it had not sent is lost
    acknowledged += scene.sign_in(3)
    one.kill()
    told = scene.promote(one)
    position = json.loads(scene.promote(one, "--format", "jsonl"))["position"]
    assert f"it has every event of the source up to position {position}" in told
    assert (
        "what the source has confirmed behind it is unknown" in told or "half of a command" in told
    )
    reach = Targeting(one.store)
    for at, device, person in acknowledged:
        assert [*reach.targets(APPLICATION, person)] == ([device] if at <= position else [])
    assert acknowledged[0][0] <= position < acknowledged[-3][0]
    Personalization(one.store).depersonalize(acknowledged[0][1])
    assert reach.count(APPLICATION, acknowledged[0][2]) == 0
    assert verify(one.store).differences == ()
