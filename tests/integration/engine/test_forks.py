"""Stores that are made before a process forks, as `gunicorn --preload` and Celery do."""

from __future__ import annotations

import os
import signal
import time
from threading import Event, Thread

from addressee.adapters.sql import SqlStore
from addressee.application import Personalization, Targeting, verify
from tests.patience import PATIENCE

CHILDREN = 4
COMMANDS = 15


def forked(work: object) -> int:
    """Run a function in a forked process, which ends with 0 if it returns."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        assert callable(work)
        work()
        status = 0
    finally:
        os._exit(status)


def statuses(children: list[int]) -> list[int]:
    """Return how the processes ended; those that hang are killed."""
    deadline = time.monotonic() + PATIENCE
    found: list[int] = []
    for pid in children:
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                found.append(status)
                break
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
    return found


def test_forked_processes_share_no_connection(url: str) -> None:
    with SqlStore(url) as store:
        people, reach = Personalization(store), Targeting(store)
        people.register("shop", installation="parent")
        assert reach.count("shop", "all") == 1

        def work(child: int) -> None:
            for n in range(COMMANDS):
                name = f"{child}-{n}"
                assert people.register("shop", installation=name, os="ios").installation == name
                assert reach.count("shop", "all") >= n + 2

        children = [forked(lambda child=child: work(child)) for child in range(CHILDREN)]
        work(CHILDREN)
        assert statuses(children) == [0] * CHILDREN
        assert reach.count("shop", "all") == (CHILDREN + 1) * COMMANDS + 1
        assert verify(store).differences == ()


def test_a_process_that_forks_while_a_thread_writes_leaves_no_lock_behind(url: str) -> None:
    with SqlStore(url) as store:
        people = Personalization(store)
        people.register("shop", installation="parent")
        done = Event()

        def keep_writing() -> None:
            while not done.is_set():
                people.touch("parent")
                people.register("shop")

        thread = Thread(target=keep_writing)
        thread.start()
        try:
            children = [forked(lambda: people.register("shop")) for _ in range(10)]
        finally:
            done.set()
            thread.join()
        assert statuses(children) == [0] * 10
        assert verify(store).differences == ()
