"""From a URL on the command line to an open store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import exc, make_url

from addressee.adapters.sql import SqlStore
from addressee.domain import StoreUnavailable


@contextmanager
def opened_store(url: str) -> Generator[SqlStore]:
    """Open a store, making it if it is new.

    Raises:
        InvalidValue: the URL can't be read.
        StoreUnavailable, StoreDamaged: the database can't be opened.
    """
    store = SqlStore(url)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def existing_store(url: str) -> Generator[SqlStore]:
    """Open a store to ask it something; raises StoreUnavailable rather than make a new one."""
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        parsed = None
    if parsed is not None and parsed.get_backend_name() == "sqlite" and parsed.database:
        path = Path(parsed.database)
        if not path.exists():
            raise StoreUnavailable(f"there is no store at {path}; `addressee apply` makes one")
    with opened_store(url) as store:
        yield store
