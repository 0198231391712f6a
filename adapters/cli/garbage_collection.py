"""Python's garbage collector, while long work makes objects by the million."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

SELDOM = (100_000, 20, 100)
"""Thresholds of the garbage collector's three generations."""


@contextmanager
def collected_seldom() -> Generator[None]:
    """Have Python collect cyclic garbage seldom until the block ends.

    Events come by the million and form no cycles; collection would take as long as the work.
    """
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
