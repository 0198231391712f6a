"""Real message brokers for the tests, started on free ports of the loopback interface."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import abstractmethod
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import pytest

from ..ports import free_port

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
OWN_SCRIPTS = "/usr/lib/rabbitmq/bin"
"""Where Debian has those that run as any user."""
HOW_TO_GET = (
    "{name} is not on this machine and no Python package carries it: install it (on Debian "
    "`apt-get install {package}`; it need not run), or put {program} on PATH"
)


class Broker:
    """A server of its own, with a data folder that goes when it goes."""

    START_SECONDS = 60

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect to."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The command that runs the server."""

    def environment(self) -> Mapping[str, str]:
        """What the server finds in its environment."""
        return os.environ

    def start(self) -> None:
        """Start the server, if it does not run, and return when it listens."""
        if self._process is not None:
            return
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=log,
                env=self.environment(),
                cwd=self.folder,
                start_new_session=True,  # so that what it starts ends with it
            )
        deadline = time.monotonic() + self.START_SECONDS
        while True:
            if self._listens():
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                pytest.fail(f"it ends at once:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Have the server end by itself."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once; what it has not written yet, the operating system has."""
        self._end(signal.SIGKILL)

    def stop_answering(self) -> None:
        """Have the server answer nobody until it goes on; its connections stay open."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Have the server answer again."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, how)
            self._process.wait(self.START_SECONDS)
            self._process = None
            while self._listens():  # what it has started ends a moment later
                time.sleep(0.02)


class Nats(Broker):
    """NATS with JetStream, from a wheel."""

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        program = Path(sys.executable).with_name("nats-server")
        own = ("-js", "-sd", str(self.folder), "-a", "127.0.0.1", "-p", str(self.port))
        return (str(program), *own)


class Redis(Broker):
    """Redis, which writes every command to its file."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        program = found("Redis", "redis-server", "redis-server")
        own = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        return (program, *own, "--save", "", "--appendonly", "yes", "--appendfsync", "no")


class RabbitMQ(Broker):
    """RabbitMQ, a node of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._names = free_port()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def command(self) -> Sequence[str]:
        server = found("RabbitMQ", "rabbitmq-server", "rabbitmq-server", before=OWN_SCRIPTS)
        # The server of names that Erlang would start by itself stays when all else goes.
        return ("sh", "-c", f'epmd -port {self._names} & exec "{server}"')

    def environment(self) -> Mapping[str, str]:
        plugins = self.folder / "plugins"
        plugins.write_text("[].")
        own = {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._names),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +S 1:1",
        }
        return {**os.environ, **own}


def found(name: str, program: str, package: str, before: str = "") -> str:
    """Return the path of a program, in a folder that goes before the others; skip without it."""
    path = shutil.which(program, path=f"{before}:{PATH}")
    if path is None:
        pytest.skip(HOW_TO_GET.format(name=name, program=program, package=package))
    return path


@contextlib.contextmanager
def broker(kind: type[Broker]) -> Generator[Broker]:
    """Start a server for a block of code and remove all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="addressee-broker-"))
    running = kind(folder)
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(folder, ignore_errors=True)
