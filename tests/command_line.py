"""The command line in a process of its own for each call, without the time it takes to load.

A helper loads it once and forks for each call: exit status, streams and folder are a process's. It
also runs Python, as `python -W error -c` would, where the first word is ``-c``.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[1]
STREAMS = ("stdin", "stdout", "stderr")


class CommandLine:
    """Runs `addressee` with any arguments, one after the other."""

    def __enter__(self) -> Self:
        helper = [sys.executable, "-m", "tests.command_line"]
        self._helper = subprocess.Popen(
            helper, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._helper.communicate()

    def run(
        self,
        *words: str,
        folder: Path,
        given: str | bytes = "",
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run it in a folder, with what is given on standard input."""
        with tempfile.TemporaryDirectory() as place:
            stdin, stdout, stderr = (Path(place, name) for name in STREAMS)
            stdin.write_bytes(given.encode() if isinstance(given, str) else given)
            self._start(words, folder, place, environment)
            status = self._status()
            return subprocess.CompletedProcess(
                words, status, stdout.read_text(), stderr.read_text()
            )

    def run_into_closed_pipe(self, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run it in a folder; read one line of its output, then close the pipe."""
        with tempfile.TemporaryDirectory() as place:
            stdin, stdout, stderr = (Path(place, name) for name in STREAMS)
            stdin.touch()
            os.mkfifo(stdout)
            self._start(words, folder, place)
            with stdout.open() as pipe:
                line = pipe.readline()
            return subprocess.CompletedProcess(words, self._status(), line, stderr.read_text())

    def _start(
        self,
        words: tuple[str, ...],
        folder: Path,
        streams: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        call = {
            "words": words,
            "folder": str(folder),
            "streams": streams,
            "environment": environment or {},
        }
        assert self._helper.stdin is not None
        self._helper.stdin.write(json.dumps(call).encode() + b"\n")
        self._helper.stdin.flush()

    def _status(self) -> int:
        assert self._helper.stdout is not None
        return int(self._helper.stdout.readline())


def serve() -> list[str]:
    """Fork for each call; return its words in the process that is to run it."""
    gc.freeze()  # what is loaded stays: no child looks for garbage in it
    for line in sys.stdin:
        call = json.loads(line)
        child = os.fork()
        if not child:
            os.chdir(call["folder"])
            os.environ.update(call["environment"])
            for number, name in enumerate(STREAMS):
                flags = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
                os.dup2(os.open(Path(call["streams"], name), flags), number)
            return call["words"]  # type: ignore[no-any-return] # what `run` has sent
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 # to `run`
    sys.exit()


if __name__ == "__main__":
    from addressee.adapters.cli import main

    import_module("addressee.adapters.http")  # the pages' blocks need it
    sys.argv[1:] = serve()
    match sys.argv[1:]:
        case ["-c", block]:
            warnings.simplefilter("error")
            exec(compile(block, "block", "exec"), {"__name__": "__main__"})  # noqa: S102 # a page's
        case _:
            main()
