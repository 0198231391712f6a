"""`addressee serve` as its users start it, on a free port."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass

import httpx

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    url: str
    process: subprocess.Popen[str]


@contextlib.contextmanager
def http_server(store: str, *options: str) -> Generator[Served]:
    """Serve a store until the block ends; what the server says must not be an error."""
    command = [sys.executable, "-m", "addressee.adapters.cli", "serve", "--store", store]
    with subprocess.Popen(
        [*command, "--port", "0", *options], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            served = None
            while served is None:
                line = process.stderr.readline()
                assert line, "the server ended before it listened"
                served = re.search(r"on (http://\S+)", line)
            wait_for(served[1])
            yield Served(served[1], process)
        finally:
            process.terminate()
            said = process.stderr.read()
            process.wait(START_SECONDS)
    assert "Traceback" not in said, said


def wait_for(url: str) -> None:
    """Return when a server answers."""
    end = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url)
            return
        assert time.monotonic() < end, "the server does not answer"
        time.sleep(0.05)
