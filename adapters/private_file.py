"""A new file that only its owner may read, and that appears once it is complete."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from addressee.domain import InvalidValue


@contextmanager
def private_file(path: Path) -> Generator[IO[bytes]]:
    """Write a temporary file in the same folder, and rename it once the block has ended.

    Args:
        path: its name then.

    Raises:
        InvalidValue: something has that name already, or nothing can be written there.
    """
    if path.exists():
        raise InvalidValue("file", f"{path} exists already")
    try:
        file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115 # closed below
    except OSError as error:
        raise InvalidValue("file", f"{path} can't be written: {error.strerror}") from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).rename(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(file.name).unlink()
        raise
