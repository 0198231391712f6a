"""The command line in a process of its own for each call, without the time it takes to load."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import PIPE, CompletedProcess
from typing import IO

from tests.forked import forked


def run(
    *words: str,
    folder: Path,
    given: str | bytes = "",
    environment: Mapping[str, str] | None = None,
) -> CompletedProcess[str]:
    """Run `addressee`, or Python as `forked` does, with what is given on standard input."""
    file = tempfile.TemporaryFile
    with file() as stdin, file() as stdout, file() as stderr:
        stdin.write(given.encode() if isinstance(given, str) else given)
        stdin.seek(0)
        status = forked(
            *words,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            folder=folder,
            environment=environment,
        ).wait()
        return CompletedProcess(words, status, content(stdout), content(stderr))


def run_into_closed_pipe(*words: str, folder: Path) -> CompletedProcess[str]:
    """Run it in a folder; read one line of its output, then close the pipe."""
    with tempfile.TemporaryFile() as stderr:
        with forked(*words, stdout=PIPE, stderr=stderr, folder=folder) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
        return CompletedProcess(words, process.wait(), line, content(stderr))


def content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
