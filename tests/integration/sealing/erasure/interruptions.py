"""Ends a piece of work at its n-th step: before a call of a database driver, or after a commit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

DRIVERS = ("psycopg.", "pymysql.")
STATEMENTS = frozenset({"execute", "executemany", "executescript", "commit"})


class Stopped(BaseException):
    """The work was ended, as a signal ends it: nothing may take it for an error of its own."""


def stop() -> None:
    """Raise Stopped."""
    raise Stopped


class Steps:
    """Counts the steps of what runs in this thread, and calls something at one of them.

    Args:
        at: which one, from 1; 0 for none.
        end: what is called there.

    Attributes:
        done: how many steps there were.
    """

    def __init__(self, at: int, end: Callable[[], object] = stop) -> None:
        self.done = 0
        self._at = at
        self._end = end

    def see(self, frame: FrameType, event: str, called: Any) -> None:  # noqa: ANN401 # what the interpreter gives
        """Count a step; the interpreter calls it at each call and return of a function."""
        # sqlite3 is written in C, the others in Python.
        in_c = event.startswith("c_")
        name = called.__name__ if in_c else frame.f_code.co_name
        if name not in STATEMENTS:
            return
        if not in_c and not frame.f_globals.get("__name__", "").startswith(DRIVERS):
            return
        if event in {"call", "c_call"} or (event in {"return", "c_return"} and name == "commit"):
            self.done += 1
            if self.done == self._at:
                self._end()


@contextmanager
def counting(steps: Steps) -> Generator[None]:
    """Count the steps of the block."""
    sys.setprofile(steps.see)
    try:
        yield
    finally:
        sys.setprofile(None)
