"""gunicorn loads a module that makes store and application, and forks its workers then (#23)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import Targeting, issue_key, verify
from addressee.domain import MobileApp
from tests.patience import PATIENCE
from tests.servers import MariaDB, Postgres, client
from tests.servers.http import wait_for
from tests.servers.ports import free_port

MODULE = """
import os
from addressee.adapters.http import create_app
from addressee.adapters.sql import SqlStore
from addressee.application import Targeting
from addressee.application.default_clock_and_ids import random_id

store = SqlStore(os.environ["ADDRESSEE_URL"])
assert Targeting(store).count("shop", "all") == 0  # now the pool has a connection
app = create_app(store, store.applications, ids=lambda: f"{os.getpid()}-{random_id()}")
"""
WORKERS = 4
COMMANDS = 500
"""How many commands each of the clients sends; there are as many clients as workers."""


@contextmanager
def gunicorn(folder: Path, store: str) -> Generator[str]:
    """Serve the module from a folder until the block ends, and give the server's URL."""
    (folder / "service.py").write_text(MODULE)
    address = f"127.0.0.1:{free_port()}"
    options = ("-w", str(WORKERS), "-b", address, "-k", "uvicorn_worker.UvicornWorker")
    command = [sys.executable, "-m", "gunicorn", "--preload", *options, "service:app"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=folder, env={**os.environ, "ADDRESSEE_URL": store}, stderr=log
        ) as process,
    ):
        try:
            wait_for(f"http://{address}")
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(60)
    said = (folder / "log").read_text()
    assert "Traceback" not in said, said


def send(url: str, key: str, number_of_client: int, workers: set[str]) -> Counter[int]:
    """Sign devices in, each request on a connection of its own, so that any worker may take it.

    Args:
        url: of the service.
        key: a backend's.
        number_of_client: in the names of its persons.
        workers: gets those that registered devices; more commands are sent until there are all.

    Returns:
        Statuses.
    """
    statuses = Counter[int]()
    with client(f"{url}/v1/commands", Authorization=f"App {key}", Connection="close") as http:
        end = time.monotonic() + PATIENCE
        for number in count():
            if number >= COMMANDS // 2 and (len(workers) == WORKERS or time.monotonic() > end):
                break
            made = http.post("/register", json={"os": "ios"})
            device = made.json().get("installation", "")
            identity = {"external_id": f"{number_of_client}-{number}"}
            body = {"installation": device, "identity": identity, "tags": ["new"]}
            done = http.post("/personalize", json=body)
            statuses.update((made.status_code, done.status_code))
            if device:
                workers.add(device.partition("-")[0])
    return statuses


def served(folder: Path, store_url: str) -> None:
    """Send commands to gunicorn on a new store, and check what the store then has."""
    folder.mkdir()
    with SqlStore(store_url) as store:
        store.applications.put(MobileApp(code="shop"))
        key = issue_key(store.applications, "shop", "backend")
        with gunicorn(folder, store_url) as url, ThreadPoolExecutor(WORKERS) as threads:
            workers = set[str]()
            running = [threads.submit(send, url, key, n, workers) for n in range(WORKERS)]
            statuses = sum((each.result() for each in running), Counter[int]())
        assert statuses.keys() == {200}, statuses
        assert len(workers) == WORKERS
        assert verify(store).differences == ()
        assert Targeting(store).count("shop", "tag:new") == statuses[200] // 2


@pytest.mark.every_case
def test_workers_that_gunicorn_forks_share_no_connection(
    tmp_path: Path, postgres: Postgres
) -> None:
    served(tmp_path / "forked", postgres.new_database())
    served(tmp_path / "file", f"sqlite:///{tmp_path}/shop.db")


@pytest.mark.mariadb
@pytest.mark.every_case
def test_workers_that_gunicorn_forks_share_no_connection_to_mariadb(
    tmp_path: Path, mariadb: MariaDB
) -> None:
    served(tmp_path / "forked", mariadb.new_database())
