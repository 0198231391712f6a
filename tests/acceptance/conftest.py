"""The command line, run as a person runs it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests import command_line

Run = Callable[..., "subprocess.CompletedProcess[str]"]

REGISTER = {"command": "register", "application": "shop", "installation": "a"}
LOGIN: dict[str, object] = {
    "command": "personalize",
    "installation": "a",
    "identity": {"external_id": "ali"},
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return what runs a command in a folder of the test's own."""
    return partial(command_line.run, folder=tmp_path)


def write(path: Path, *lines: object) -> Path:
    """Write lines, JSON for what is not a string."""
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines))
    return path
