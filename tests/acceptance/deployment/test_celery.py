"""The tasks of docs/embedding.md run in a Celery worker whose pool forks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting, verify
from tests.patience import PATIENCE
from tests.servers import MariaDB, Postgres
from tests.servers.sinks.brokers import Redis, broker

PAGE = Path(__file__).parents[3] / "docs" / "embedding.md"

pytestmark = pytest.mark.redis
SEND = """
import sys
from tasks import sign_in
for number, phone in enumerate(sys.argv[1:]):
    sign_in.delay(phone, f"customer-{number}", f"key-{number}")
    sign_in.delay(phone, f"customer-{number}", f"key-{number}")
"""
MADE_BEFORE_THE_FORK = """
people().expire_sessions()
"""
PROCESSES = 4
PHONES = 1_000
"""Of each phone two tasks."""
LOG = "worker.log"


def tasks(store: str, broker_url: str) -> str:
    """Return the module of the page, with other URLs."""
    [block] = re.findall(r"<!-- celery -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for page, url in (("sqlite:///shop.db", store), ("amqp://localhost", broker_url)):
        assert page in block
        block = block.replace(page, url)
    return str(block)


@contextmanager
def worker(folder: Path, module: str) -> Generator[None]:
    """Run a worker whose pool forks, on tasks in a folder, until the block ends."""
    (folder / "tasks.py").write_text(module)
    with (folder / LOG).open("w") as log:
        started = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", "prefork"),
                *("-c", str(PROCESSES), "--without-gossip", "--without-mingle"),
                *("--without-heartbeat", "-l", "WARNING"),
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        started.terminate()
        try:
            started.wait(PATIENCE)
        finally:
            # Whatever of the pool is left goes as well.
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)


def each_task_takes_effect_once(folder: Path, url: str, more: str = "") -> None:
    with (
        SqlStore(url) as store,
        broker(Redis) as redis,
        worker(folder, tasks(url, redis.url) + more),
    ):
        people, reach = Personalization(store), Targeting(store)
        phones = [people.register("shop").installation for _ in range(PHONES)]
        people.personalize(phones[0], Identity(external_id="customer-0"))
        subprocess.run([sys.executable, "-c", SEND, *phones], cwd=folder, check=True)
        deadline = time.monotonic() + PATIENCE + PHONES / 5
        while reach.count("shop", "type:customer") < PHONES and time.monotonic() < deadline:
            time.sleep(0.1)
        assert reach.count("shop", "type:customer") == PHONES, (folder / LOG).read_text()[-4_000:]
        assert verify(store).differences == ()


@pytest.mark.every_case
def test_each_task_takes_effect_once_in_a_pool_that_forks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    each_task_takes_effect_once(tmp_path, url)


@pytest.mark.every_case
def test_a_pool_may_fork_from_a_process_that_has_made_the_store(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for database in ("sqlite", "postgres", "mariadb"):
        folder = tmp_path / database
        folder.mkdir()
        url = f"sqlite:///{folder}/shop.db"
        if database != "sqlite":
            server: Postgres | MariaDB = request.getfixturevalue(database)
            url = server.new_database()
        each_task_takes_effect_once(folder, url, MADE_BEFORE_THE_FORK)
