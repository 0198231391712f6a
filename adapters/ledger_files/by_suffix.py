"""From a path to a ledger's file, its form chosen by the name's end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from addressee.adapters.private_file import private_file
from addressee.application import Heading, Sink, Source
from addressee.domain import InvalidValue

from .jsonl import JsonLinesSource, jsonl_sink

PARQUET = ".parquet"
NEEDS = "{} is Parquet, which needs `pip install addressee[parquet]`"
JSON_LINES = ("", ".jsonl", ".ndjson", ".json")


@contextmanager
def opened_sink(path: Path, heading: Heading) -> Generator[Sink]:
    """Write a ledger to a temporary file in the same folder, and rename it once it is complete.

    Only its owner may read it, because it names persons.

    Args:
        path: where; its suffix chooses the form.
        heading: of the ledger.

    Raises:
        InvalidValue: the suffix is unknown, something has that name already, or nothing can be
            written there.
    """
    make = parquet(path).parquet_sink if is_parquet(path) else jsonl_sink
    with private_file(path) as file, make(file, heading) as sink:
        yield sink


@contextmanager
def opened_source(path: Path) -> Generator[Source]:
    """Read a ledger; raises InvalidValue if it can't be opened, LedgerFileInvalid if it is none."""
    make = parquet(path).ParquetSource if is_parquet(path) else JsonLinesSource
    try:
        file = path.open("rb")
    except OSError as error:
        raise InvalidValue("file", f"{path} can't be opened: {error.strerror}") from None
    with file:
        yield make(file)


def is_parquet(path: Path) -> bool:
    """Return whether a path's suffix means Parquet, not JSON Lines.

    Raises:
        InvalidValue: it means neither: a file called ``.gz`` that is not compressed misleads.
    """
    suffix = path.suffix.lower()
    if suffix not in {PARQUET, *JSON_LINES}:
        raise InvalidValue("file", f"{path} should end with .jsonl or .parquet, not {suffix}")
    return suffix == PARQUET


def parquet(path: Path) -> ModuleType:
    """Return what reads and writes Parquet; raises InvalidValue where it is not installed."""
    try:
        from . import parquet as found  # noqa: PLC0415 # pyarrow is an extra
    except ImportError:
        raise InvalidValue("file", NEEDS.format(path)) from None
    return found
