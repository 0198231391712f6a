"""From a URL on the command line to an open store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import exc, make_url

from addressee.adapters.sql import SqlStore
from addressee.domain import StoreUnavailable

Store = Annotated[
    str,
    typer.Option(
        help="Where the ledger is, such as sqlite:///relative/path or sqlite:////absolute."
    ),
]
DEFAULT_STORE = "sqlite:///addressee.db"


@contextmanager
def opened_store(url: str) -> Generator[SqlStore]:
    """Open a store, making it if it is new.

    Raises:
        InvalidValue: the URL can't be read.
        StoreUnavailable, StoreDamaged: the database can't be opened.
    """
    with SqlStore(url) as store:
        yield store


@contextmanager
def existing_store(url: str) -> Generator[SqlStore]:
    """Open a store to ask it something; raises StoreUnavailable rather than make a new one."""
    refuse_missing(url)
    with SqlStore(url, create=False) as store:
        yield store


def refuse_missing(url: str) -> None:
    """Raise StoreUnavailable where an SQLite file is missing or empty: opening would write it."""
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        return  # opening it says what is wrong with it
    path = Path(parsed.database or ".")
    if parsed.get_backend_name() == "sqlite" and not path.exists():
        raise StoreUnavailable(f"there is no store at {path}; `addressee apply` makes one")
    if parsed.get_backend_name() == "sqlite" and path.is_file() and not path.stat().st_size:
        raise StoreUnavailable("that database holds no store; `addressee apply` makes one")
