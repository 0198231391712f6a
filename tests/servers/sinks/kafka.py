"""A broker that speaks Kafka's protocol: librdkafka's own, which keeps its topics in memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

SERVE = """
import sys
from confluent_kafka import Producer
cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none", "log_level": 0})
[broker] = cluster.list_topics(timeout=30).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""


class Kafka:
    """A running broker.

    Args:
        process: of the broker.
        url: where clients connect to.
    """

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.url = url

    def stop_answering(self) -> None:
        """Have it answer nobody, until it goes on; return when all its threads stand still."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def go_on(self) -> None:
        """Have it answer again, with what it had."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def kafka() -> Generator[Kafka]:
    """Run a broker of its own until the block ends."""
    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Kafka(process, process.stdout.readline().strip())
        finally:
            process.kill()
