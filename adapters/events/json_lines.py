"""Facts into a file, a line for each: for trials, and for whatever reads files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from addressee.application import FactMessage, Published, SinkUnavailable


class JsonLinesSink:
    """Adds facts to a file, which one relay writes.

    Args:
        path: of the file; it is made if it is missing.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def resume(self) -> int | None:
        """Return None: a crash can leave lines that come again."""
        return None

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        """Add a line for each message, and confirm them once they are on the disk."""
        try:
            with self._path.open("ab") as file:
                file.writelines(each.content + b"\n" for each in messages)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return Published(0, SinkUnavailable(error.strerror or type(error).__name__))
        return Published(len(messages))

    def close(self) -> None:
        """Do nothing: the file is open only while it is written."""
