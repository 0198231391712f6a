"""Fifty connections sign people in and out on shared devices while the server is killed."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import History, Targeting, issue_key, verify
from addressee.domain import MobileApp
from tests.acceptance.transport.conftest import HOME
from tests.patience import Progress
from tests.servers import client, http_server
from tests.servers.ports import free_port

CONNECTIONS = 50
DEVICES = [f"d{n}" for n in range(20)]
PEOPLE = 30


class Traffic:
    """One connection's requests; what was acknowledged is kept."""

    def __init__(self, url: str, key: str, number: int, acknowledged: Progress) -> None:
        self.url = url
        self.backend = {"Authorization": f"App {key}"}
        self.device = {"Authorization": "App shop"}
        self.number = number
        self.acknowledged = acknowledged
        self.positions: list[int] = []
        self.arrived: list[str] = []
        self.statuses: Counter[int] = Counter()

    def run(self) -> Traffic:
        chance = random.Random(self.number)  # noqa: S311 # guards no secret
        turn = 0
        with client(self.url) as http:
            while not self.acknowledged.over:
                turn += 1
                try:
                    self.ask(http, chance, turn)
                except httpx.TransportError:
                    self.statuses[0] += 1
                    time.sleep(0.05)
        return self

    def ask(self, http: httpx.Client, chance: random.Random, turn: int) -> None:
        """Sign somebody in as a backend or as an SDK, or out."""
        device = chance.choice(DEVICES)
        choice = chance.random()
        if choice < 0.4:
            body = {
                "installation": device,
                "identity": {"external_id": f"p{chance.randrange(PEOPLE)}"},
                "force_depersonalize": True,
                "set_primary": chance.random() < 0.5,
                "tags": [f"t{chance.randrange(4)}"],
            }
            answer = http.post("/v1/commands/personalize", json=body, headers=self.backend)
        elif choice < 0.7:
            body = {"installation": device}
            answer = http.post("/v1/commands/depersonalize", json=body, headers=self.backend)
        else:
            name = f"new-{self.number}-{turn}"
            answer = http.post(
                f"{HOME}/{device}/personalize?forceDepersonalize=true",
                json={"userIdentity": {"externalUserId": name}},
                headers=self.device,
            )
            if answer.status_code == 200:
                self.arrived.append(name)
        self.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            if choice < 0.7:
                self.positions.append(answer.json()["position"])
            self.acknowledged.add()


def test_R19_what_was_acknowledged_is_there_though_the_server_was_killed(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    answers = int(pytestconfig.getoption("--http-answers") or 0)
    url, port = f"sqlite:///{tmp_path}/killed.db", free_port()
    with SqlStore(url) as store:
        store.applications.put(MobileApp(code="shop"))
        key = issue_key(store.applications, "shop", "backend")
    server = f"http://127.0.0.1:{port}"
    acknowledged = Progress()
    traffic = [Traffic(server, key, n, acknowledged) for n in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool, closing(acknowledged):
        with http_server(url, "--port", str(port)) as served:
            headers = {"Authorization": f"App {key}"}
            with client(server, **headers) as http:
                for device in DEVICES:
                    body = {"installation": device, "os": "android"}
                    made = http.post("/v1/commands/register", json=body)
                    assert made.status_code == 200
            running = [pool.submit(each.run) for each in traffic]
            acknowledged.wait_for(answers, "acknowledged requests")
            served.process.kill()
        with http_server(url, "--port", str(port)) as served:
            acknowledged.wait_for(answers, "acknowledged requests")
            served.process.kill()
        with http_server(url, "--port", str(port)):
            acknowledged.wait_for(answers, "acknowledged requests")
            acknowledged.close()
            done = [each.result() for each in running]
    statuses = sum((each.statuses for each in done), Counter[int]())
    assert statuses.keys() <= {0, 200, 503}, statuses
    assert statuses[0] >= 2, "nothing noticed the kills"
    with SqlStore(url) as store:
        assert verify(store).differences == ()
        with store.reading() as reader:
            positions = {position for position, _ in reader.events(0, 1_000_000)}
        assert {p for each in done for p in each.positions} <= positions
        history, reach = History(store), Targeting(store)
        for each in done:
            for name in each.arrived:
                assert history.identifier("external_id", name), "an acknowledged sign-in is lost"
        bound = [
            device
            for person in {history.who(device) for device in DEVICES} - {None}
            for device in history.devices(str(person))
        ]
        assert len(bound) == len(set(bound)) == reach.count("shop", "type:customer")
