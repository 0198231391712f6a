"""`addressee serve` as its users start it, on a free port."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.forked import Process, forked

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    url: str
    process: Process
    log: Path


@contextlib.contextmanager
def http_server(
    store: str, *options: str, environment: Mapping[str, str] | None = None
) -> Generator[Served]:
    """Serve a store until the block ends; what the server says must not be an error."""
    words = ("serve", "--store", store, "--port", "0", *options)
    # A file, since a pipe that nobody reads would stop the server once its log has filled it.
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            log.open("w") as stderr,
            forked(*words, stderr=stderr, environment=environment) as process,
        ):
            try:
                url = listening(log, process)
                wait_for(url)
                yield Served(url, process, log)
            finally:
                process.terminate()
                process.wait(START_SECONDS)
        said = log.read_text()
    assert "Traceback" not in said, said


def listening(log: Path, process: Process) -> str:
    """Return the address that a server writes to its log."""
    end = time.monotonic() + START_SECONDS
    while (found := re.search(r"on (http://\S+)\n", log.read_text())) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, "the server does not start"
        time.sleep(0.05)
    return found[1]


def client(url: str, **headers: str) -> httpx.Client:
    """Return a client of a local server, which loads no certificates: that takes 50 ms."""
    return httpx.Client(base_url=url, headers=headers, timeout=90, verify=False)  # noqa: S501 # no TLS here


def wait_for(url: str) -> None:
    """Return when a server answers."""
    end = time.monotonic() + START_SECONDS
    with client(url) as http:
        while True:
            with contextlib.suppress(httpx.TransportError):
                http.get("/")
                return
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.05)
