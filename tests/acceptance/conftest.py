"""The command line, run as a person runs it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

import pytest

from tests.command_line import CommandLine

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def command_line() -> Generator[CommandLine]:
    with CommandLine() as started:
        yield started


@pytest.fixture
def run(command_line: CommandLine, tmp_path: Path) -> Run:
    """Return what runs a command in a folder of the test's own."""
    return partial(command_line.run, folder=tmp_path)
