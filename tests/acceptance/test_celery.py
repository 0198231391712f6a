"""The tasks of docs/embedding.md run in a Celery worker whose pool forks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting, verify

PAGE = Path(__file__).parents[2] / "docs" / "embedding.md"
FOLDER_AS_BROKER = """
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={"data_folder_in": ".", "data_folder_out": ".", "control_folder": "."},
)
"""
SEND = """
import sys
from tasks import sign_in
for number, phone in enumerate(sys.argv[1:]):
    sign_in.delay(phone, f"customer-{number}", f"key-{number}")
    sign_in.delay(phone, f"customer-{number}", f"key-{number}")
"""
PHONES = 30
PATIENCE = 60


@pytest.fixture
def worker(tmp_path: Path) -> Generator[None]:
    """Start a worker with two processes on the tasks of the page."""
    [block] = re.findall(r"<!-- celery -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "tasks.py").write_text(block + FOLDER_AS_BROKER)
    started = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", "prefork", "-c", "2"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield
    started.terminate()
    try:
        started.wait(PATIENCE)
    finally:
        # Whatever of the pool is left goes as well.
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)


@pytest.mark.usefixtures("worker")
def test_each_task_takes_effect_once_in_a_pool_that_forks(tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/shop.db") as store:
        people, reach = Personalization(store), Targeting(store)
        phones = [people.register("shop").installation for _ in range(PHONES)]
        people.personalize(phones[0], Identity(external_id="customer-0"))
        subprocess.run([sys.executable, "-c", SEND, *phones], cwd=tmp_path, check=True)
        deadline = time.monotonic() + PATIENCE
        while reach.count("shop", "type:customer") < PHONES and time.monotonic() < deadline:
            time.sleep(0.1)
        assert reach.count("shop", "type:customer") == PHONES
        assert verify(store).differences == ()
