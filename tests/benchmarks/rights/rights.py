"""What the rights of persons cost: sealed data, an erasure, a merge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.report import Figure
from tests.benchmarks.rights import erasing, merging, sealed


def figures(installations: int, kept: Path | None) -> Iterator[Figure]:
    yield from sealed.figures()
    yield from merging.figures()
    yield from erasing.figures(installations, kept)
