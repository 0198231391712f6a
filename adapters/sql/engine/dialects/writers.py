"""How writers of a database are told from each other."""

from __future__ import annotations

from enum import Enum, auto


class Writers(Enum):
    """How a database tells which writers are under way."""

    TAKE_TURNS = auto()
    """There is one at a time."""
    HAVE_IDS = auto()
    """Each takes a transaction id when it begins, and the database tells the oldest."""
    SHARE_ROWS = auto()
    """Each shares the lock of a row until it ends."""
