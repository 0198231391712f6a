"""Input and output files named on the command line; ``-`` is standard input."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from addressee.domain import InvalidValue

STANDARD = Path("-")


@contextmanager
def opened(path: Path, mode: str) -> Generator[IO[Any]]:
    """Open a file, or standard input to read bytes from where the path is ``-``.

    Raises:
        InvalidValue: the file can't be opened.
    """
    if path == STANDARD and mode == "rb":
        yield sys.stdin.buffer
        return
    refuse_standard(path)
    try:
        file = path.open(mode, encoding=None if "b" in mode else "utf-8")
    except OSError as error:
        raise InvalidValue("file", f"{path} can't be opened: {error.strerror}") from None
    with file:
        yield file


def refuse_standard(path: Path) -> None:
    """Raise InvalidValue for ``-`` where only a file will do, rather than make a file named so."""
    if path == STANDARD:
        raise InvalidValue("file", "can't be - here: name a file, or ./- for one of that name")
