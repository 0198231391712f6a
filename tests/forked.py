"""Processes that have the library loaded: a helper loads it once, in two seconds, and forks."""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Self

import typer.main

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting, verify

ROOT = Path(__file__).parents[1]
LOADED = (
    "addressee.adapters.cli",
    "addressee.adapters.http",
    "addressee.adapters.push",
    "sqlalchemy.dialects.sqlite",
    "typer._adapters",
    "uvicorn",
)
MESSAGE = 1 << 17
"""Longest message to the helper, in bytes."""
PIPE = subprocess.PIPE
Stream = IO[Any] | int | None


class Process:
    """A process that was forked; attributes and methods are those of `subprocess.Popen`."""

    def __init__(self, pid: int, pipes: list[IO[str] | None]) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = pipes
        self.returncode: int | None = None
        self._watched = os.pidfd_open(pid)

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._watched, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()
        self.wait()

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._watched, select.POLLIN)
            if poll.poll(None if timeout is None else timeout * 1_000):
                self.returncode = helper().ask({"status": self.pid})
                os.close(self._watched)
        return self.returncode


class Helper:
    """Forks a process for each message."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.forked", str(theirs.fileno())]
        # Pipes, as what takes the place of a file would be sought in.
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=PIPE, stdout=PIPE, pass_fds=[theirs.fileno()]
        )
        theirs.close()
        self._lock = threading.Lock()

    def ask(self, message: Mapping[str, Any], streams: list[int] | None = None) -> int:
        """Send a message, with the streams of a process to start; return its number or status."""
        with self._lock:
            socket.send_fds(self._channel, [json.dumps(message).encode()], streams or [])
            return int(self._channel.recv(MESSAGE))

    def close(self) -> None:
        self._channel.close()
        self._process.communicate()


@functools.cache
def helper() -> Helper:
    """Return the helper of this process, which ends with it."""
    started = Helper()
    atexit.register(started.close)
    return started


def forked(
    *words: str,
    stdin: Stream = None,
    stdout: Stream = None,
    stderr: Stream = None,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Process:
    """Run the command line, or Python for words that begin with ``-c`` or ``-W error -c``.

    Args:
        words: what follows `addressee`, or `python`.
        stdin: a file, `PIPE`, or None for that of the tests; so are the other streams.
        folder: the current one of the process.
        environment: variables that it has beside those of the tests.
    """
    ours: list[IO[str] | None] = [None] * 3
    theirs: list[int] = []
    closed: list[int] = []
    for number, stream in enumerate((stdin, stdout, stderr)):
        if stream == PIPE:
            ends = os.pipe()
            theirs.append(ends[number > 0])
            closed.append(ends[number > 0])
            ours[number] = os.fdopen(ends[number == 0], "r" if number else "w")
        else:
            own = number if stream is None else stream
            theirs.append(own if isinstance(own, int) else own.fileno())
    call = {"words": words, "folder": str(folder), "environment": dict(environment or {})}
    try:
        return Process(helper().ask(call, theirs), ours)
    finally:
        for end in closed:
            os.close(end)


def serve(channel: socket.socket) -> list[str]:
    """Fork for each message; return its words in the process that is to run them."""
    gc.freeze()  # what is loaded stays: no child looks for garbage in it
    while True:
        message, streams, _, _ = socket.recv_fds(channel, MESSAGE, 3)
        if not message:
            sys.exit()
        call: dict[str, Any] = json.loads(message)
        if "status" in call:
            _, status = os.waitpid(call["status"], 0)
            channel.send(str(os.waitstatus_to_exitcode(status)).encode())
        elif child := os.fork():
            channel.send(str(child).encode())
            for stream in streams:
                os.close(stream)
        else:
            channel.close()
            os.chdir(call["folder"])
            os.environ.update(call["environment"])
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            words: list[str] = call["words"]
            return words


def main() -> None:
    for name in LOADED:
        import_module(name)
    # The tree of commands is built for each call, in a tenth of a second; here for all once.
    typer.main.get_command = functools.cache(typer.main.get_command)
    typer.main.get_command(import_module("addressee.adapters.cli.app").app)
    use_a_store()
    words = serve(socket.socket(fileno=int(sys.argv[1])))
    if warned := words[:2] == ["-W", "error"]:
        warnings.simplefilter("error")
        del words[:2]
    if words[:1] == ["-c"]:
        sys.argv[:] = ["-c", *words[2:]]
        code, names = compile(words[1], "<string>", "exec"), {"__name__": "__main__"}
        leave_after(functools.partial(exec, code, names), names if warned else {})
    else:
        sys.argv[1:] = words
        leave_after(import_module("addressee.adapters.cli").main)


def use_a_store() -> None:
    """Have tables and statements made and compiled, which all stores of a process share."""
    with TemporaryDirectory() as folder, SqlStore(f"sqlite:///{folder}/ledger.db") as store:
        people = Personalization(store)
        people.register("shop", installation="phone")
        people.personalize("phone", Identity(external_id="ali"), tags={"vip"})
        people.depersonalize("phone")
        for audience in ("all", "tag:vip", "external_id:ali"):
            Targeting(store).preview("shop", audience, 1)
        verify(store)


def leave_after(run: Callable[[], object], names: dict[str, Any] | None = None) -> None:
    """Run a function and end the process as the interpreter does, but leave its memory as it is.

    To free all objects, of pages that are shared until then, takes four fifths of a short call.

    Args:
        run: the function.
        names: a script's own, whose objects are freed, so that they warn of what is left open.
    """
    status = 0
    try:
        run()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        status = end.code
    threading._shutdown()  # type: ignore[attr-defined] # the interpreter's own way to end them
    atexit._run_exitfuncs()
    if names:
        names.clear()
        gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
