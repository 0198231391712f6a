"""A client that sends one request again and again, and measures."""

from __future__ import annotations

from typing import Self

from tests.forked import PIPE, forked
from tests.servers.http import Served

WATCH = """
import http.client, json, sys, time
from urllib.parse import urlsplit
url, method, path, body, key = sys.argv[1:]
connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
print(flush=True)
while True:
    started = time.perf_counter()
    connection.request(method, path, body or None, {"Authorization": f"App {key}"})
    answer = connection.getresponse()
    answer.read()
    print(answer.status, time.perf_counter() - started, flush=True)
    time.sleep(0.02)
"""
"""A process of its own: the threads that flood would delay its clock."""


class Watch:
    """Sends a request again and again, until the block ends.

    Attributes:
        times: how long each took, in seconds.
    """

    def __init__(
        self, served: Served, method: str, path: str, body: str = "", key: str = ""
    ) -> None:
        self._words = ("-c", WATCH, served.url, method, path, body, key)
        self.times: list[float] = []
        self._said: list[str] = []

    def __enter__(self) -> Self:
        self._process = forked(*self._words, stdout=PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def wait_for(self, answers: int) -> None:
        """Return after so many answers more."""
        assert self._process.stdout is not None
        for _ in range(answers):
            self._said.append(self._process.stdout.readline())
            assert self._said[-1], "no answer to one of its requests"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with self._process:
            assert self._process.stdout is not None
            self._said += self._process.stdout.read().splitlines()
        # The last line may have been cut.
        answers = [line.split() for line in self._said if len(line.split()) == 2]
        assert {answer[0] for answer in answers} == {"200"}
        self.times = [float(answer[1]) for answer in answers]
