"""The file that holds an identifier key alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from addressee.domain import InvalidValue

from .files import refuse_standard

OWNER_ONLY = 0o600
HexFile = Annotated[
    Path | None, typer.Option(help="A file with the identifier key alone, in hexadecimal digits.")
]


def write_key(path: Path, key: bytes) -> None:
    """Write a key to a new file that only its owner may read; raises InvalidValue."""
    refuse_standard(path)
    try:
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w"
        ) as file:
            file.write(f"{key.hex()}\n")
    except OSError as error:
        raise InvalidValue("key_file", f"{path} can't be written: {error.strerror}") from None


def read_key(path: Path) -> bytes:
    """Return the key in a file; raises InvalidValue."""
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise InvalidValue("key_file", f"{path} can't be read: {error.strerror}") from None
    except ValueError:
        raise InvalidValue("key_file", f"{path} should hold hexadecimal digits") from None
