"""From a URL on the command line to an open store."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import create_engine, exc, inspect, make_url

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.database import translated
from addressee.adapters.sql.schema import Schema
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
    store = SqlStore(url)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def existing_store(url: str) -> Generator[SqlStore]:
    """Open a store to ask it something; raises StoreUnavailable rather than make a new one."""
    refuse_missing(url)
    with opened_store(url) as store:
        yield store


def refuse_missing(url: str) -> None:
    """Raise StoreUnavailable where no store is; a question puts no tables anywhere."""
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, hide_parameters=True)
    except (exc.ArgumentError, ImportError):
        return  # opening it says what is wrong with it
    path = Path(parsed.database or ".")
    if parsed.get_backend_name() == "sqlite" and not path.exists():
        raise StoreUnavailable(f"there is no store at {path}; `addressee apply` makes one")
    try:
        with translated():
            found = inspect(engine).has_table(Schema.named().event.name)
    finally:
        engine.dispose()
    if not found:
        raise StoreUnavailable("that database holds no store; `addressee apply` makes one")
