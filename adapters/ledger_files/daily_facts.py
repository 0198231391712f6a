"""From a path to a folder of facts by day."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from addressee.application import FactsHeading, FactSink
from addressee.domain import InvalidValue

from .by_suffix import NEEDS


def opened_days(folder: Path, heading: FactsHeading) -> AbstractContextManager[FactSink]:
    """Open a folder of Parquet files by day, to add facts to it.

    Only its owner may read a folder that is new.

    Args:
        folder: where; it is made if it is new, but not those above it.
        heading: whose facts, and whether with personal data.

    Raises:
        InvalidValue: nothing can be written there, another export writes there, or the folder has
            the facts of another ledger, or of the other kind (with or without personal data); or
            what writes Parquet is not installed.
        LedgerFileInvalid: the newest file can't be read.
    """
    try:
        from .daily_facts_parquet import day_folder  # noqa: PLC0415 # pyarrow is an extra
    except ImportError:
        raise InvalidValue("folder", NEEDS.format(folder)) from None
    return day_folder(folder, heading)
