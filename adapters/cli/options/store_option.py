"""The option --store: from a database URL to an open store."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from sqlalchemy import make_url

from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.engine_factory import ESCAPES, file_of
from addressee.application import forgotten_erasures, forgotten_installations
from addressee.domain import ErasureForgotten, StoreUnavailable

from ..terminal.ledger_keys_file import trial_keys
from .sealing_keys_from_environment import given_keys

DEFAULT_STORE = "sqlite:///addressee.db"
BESIDE = ("", "-wal", "-shm")
"""The endings of the files that SQLite writes for one database."""

Store = Annotated[
    str,
    typer.Option(
        envvar="ADDRESSEE_URL",
        help="The database's URL: sqlite:///relative/path, sqlite:////absolute/path or "
        f"postgresql+psycopg://user:password@host/database. In names and passwords {ESCAPES}. "
        "Other users see options in `ps`; they do not see ADDRESSEE_URL. A sealed store also needs "
        "ADDRESSEE_KEYS, the URL of its key store, and ADDRESSEE_WRAPPING_KEY, a file.",
    ),
]


@contextmanager
def opened_store(
    url: str, replicas: Sequence[str] = (), *, remote_apply: bool = False
) -> Generator[SqlStore]:
    """Open a store, creating it if it is new; arguments as those of `SqlStore`.

    Raises:
        InvalidValue: a URL can't be parsed, or replicas can't be used.
        StoreUnavailable, StoreDamaged: the database can't be opened.
    """
    with (
        given_keys(create=True) as keys,
        SqlStore(url, keys=keys, replicas=replicas, remote_apply=remote_apply) as store,
    ):
        yield store


@contextmanager
def existing_store(url: str, identifier_key: bytes | None = None) -> Generator[SqlStore]:
    """Open a store that exists, with the key that its host gives, if any.

    Raises:
        StoreUnavailable: there is none; it is not created.
    """
    refuse_missing(url)
    with (
        given_keys() as keys,
        SqlStore(url, create=False, keys=keys, identifier_key=identifier_key) as store,
    ):
        yield store


@contextmanager
def sending_store(url: str) -> Generator[SqlStore]:
    """Open a store that exists, to send what leaves it.

    Raises:
        ErasureForgotten: the ledger was restored, and persons are to be erased again first: they
            would be reached.
    """
    with existing_store(url) as store:
        check_erasures(store)
        yield store


def check_erasures(store: SqlStore) -> None:
    """Raise ErasureForgotten if a restored ledger does not know of all that was erased."""
    persons, devices = forgotten_erasures(store), forgotten_installations(store)
    if persons or devices:
        raise ErasureForgotten(len(persons), len(devices))


@contextmanager
def filled_store(url: str) -> Generator[SqlStore]:
    """Open a store to fill; a new SQLite file appears under its name only if the block succeeds.

    Raises:
        InvalidValue: the URL can't be parsed.
        StoreUnavailable, StoreDamaged: the database can't be opened.
    """
    file = file_of(url)
    if file is None or file.exists():
        with opened_store(url) as store:
            yield store
        return
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        new = make_url(url).set(database=str(unfinished))
        with given_keys(create=True) as keys, SqlStore(new, keys=keys) as store:
            yield store
        # A link, not a rename: that would replace a store that somebody made meanwhile.
        file.hardlink_to(unfinished)
    except FileExistsError:
        raise StoreUnavailable(f"another process made {file} meanwhile") from None
    finally:
        for ending in BESIDE:
            unfinished.with_name(unfinished.name + ending).unlink(missing_ok=True)


@contextmanager
def trial_store(*, sealed: bool, keys_file: Path | None = None) -> Generator[MemoryStore]:
    """Open a store that is gone at the block's end; only for a sealed ledger with keys.

    To seal another one would write keys into the key store for good.

    Args:
        sealed: whether the ledger is.
        keys_file: the file with its keys, if they come along.
    """
    if not sealed:
        yield MemoryStore()
        return
    if keys_file is None:
        with given_keys() as keys:
            yield MemoryStore(keys=keys)
        return
    with (
        TemporaryDirectory() as folder,
        given_keys(place=f"sqlite:///{folder}/keys.db") as keys,
    ):
        yield MemoryStore(keys=None if keys is None else trial_keys(keys_file, keys))


def refuse_missing(url: str) -> None:
    """Raise StoreUnavailable if an SQLite file is missing, empty or can't be written."""
    file = file_of(url)
    if file is None:
        return
    if not file.exists():
        raise StoreUnavailable(f"there is no store at {file}; `addressee apply` makes one")
    if file.is_file() and not file.stat().st_size:
        raise StoreUnavailable("that database holds no store; `addressee apply` makes one")
    if "file:" in url or (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        return
    raise StoreUnavailable(
        f"{file} and its folder must be writable, since SQLite writes a lock file even to read; if "
        f"nobody else writes, open sqlite:///file:{file}?mode=ro&immutable=1&uri=true"
    )
