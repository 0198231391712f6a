"""A real NATS server with JetStream, from a wheel."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from .ports import free_port

PROGRAM = Path(sys.executable).with_name("nats-server")
START_SECONDS = 30


class Nats:
    """A server of its own, with a data folder that goes when it goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, if it does not run."""
        if self._process is not None:
            return
        command = [str(PROGRAM), "-js", "-sd", str(self._folder), "-a", "127.0.0.1"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-p", str(self.port)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if time.monotonic() > deadline or self._process.poll() is not None:
                pytest.fail(f"NATS ends at once:\n{(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the server at once; what it has not written yet, the operating system has."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def nats_server() -> Generator[Nats]:
    """Start a server for a block of code and remove all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="addressee-nats-"))
    running = Nats(folder)
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(folder, ignore_errors=True)
