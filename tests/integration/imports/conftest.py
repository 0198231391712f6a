"""Files of other systems, their rows invented, on their way into a store."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from addressee.adapters.imports.vendors import FORMATS, Import, Options, Report
from addressee.adapters.memory import MemoryStore
from addressee.application import Personalization
from tests import command_line
from tests.acceptance.conftest import Run

Importing = Callable[..., Report]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return what runs the command line in a folder of the test's own."""
    return partial(command_line.run, folder=tmp_path)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def importing(store: MemoryStore) -> Importing:
    """Return what imports a file's bytes, and checks that its counts add up."""

    def run(system: str, content: bytes, *, dry_run: bool = False, **options: str) -> Report:
        form = FORMATS[system]
        with closing(Import(form, Options("shop", **options), dry_run=dry_run)) as work:
            work.read(io.BytesIO(content))
            report = work.write(None if dry_run else Personalization(store))
        assert report.imported.total() + report.skipped.total() == report.rows
        return report

    return run


def table(header: Sequence[str], *rows: Sequence[object]) -> bytes:
    """Return a CSV file."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue().encode()


def lines(*objects: Mapping[str, Any]) -> bytes:
    """Return a file of JSON lines."""
    return "".join(json.dumps(each) + "\n" for each in objects).encode()
