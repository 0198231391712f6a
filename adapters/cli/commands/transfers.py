"""A whole ledger into a file, and out of it into another store."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.application import FillableStore, export_ledger, import_ledger
from addressee.domain import InvalidValue

from ..terminal.progress import long_work
from ..terminal.store_option import DEFAULT_STORE, Store, existing_store, opened_store

OWNER_ONLY = 0o600
HexFile = Annotated[
    Path | None, typer.Option(help="A file with the identifier key alone, in hexadecimal digits.")
]
LedgerFile = Annotated[
    Path, typer.Argument(help="Parquet if it ends with .parquet, otherwise JSON Lines.")
]


def export(
    file: LedgerFile,
    store: Store = DEFAULT_STORE,
    *,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Let the identifier key travel in the file.")
    ] = False,
    key_file: HexFile = None,
) -> None:
    """Write the whole ledger to a file that can be read without this program.

    Who holds the identifier key can tell whether an identifier is in the ledger; a store that is
    filled from the file needs it. It can travel in the file, or be written to one of its own.

        addressee export ledger.jsonl --key-file ledger.key --store sqlite:///day.db
    """
    with existing_store(store) as ledger:
        if key_file is not None:
            write_key(key_file, ledger.identifier_key)
        with long_work("exporting") as advance:
            end = export_ledger(
                ledger,
                lambda heading: opened_sink(file, heading),
                with_key=with_key,
                progress=advance,
            )
    typer.echo(f"exported {end.events:,} events up to position {end.last}")


def fill(
    file: LedgerFile,
    store: Store = DEFAULT_STORE,
    *,
    key_file: HexFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say whether it could be done.")
    ] = False,
) -> None:
    """Fill an empty store with the ledger that `addressee export` wrote, all of it or nothing.

    The store is made if it is new, of any kind: this is also the way from SQLite to PostgreSQL.

        addressee import ledger.jsonl --key-file ledger.key --store postgresql+psycopg://host/db
    """
    key = None if key_file is None else read_key(key_file)
    with opened_source(file) as source:
        opened = nullcontext[FillableStore](MemoryStore()) if dry_run else opened_store(store)
        with opened as ledger, long_work("importing") as advance:
            end = import_ledger(ledger, source, key=key, progress=lambda done: advance(done, 0))
    done = "could import" if dry_run else "imported"
    typer.echo(f"{done} {end.events:,} events up to position {end.last}")


def write_key(path: Path, key: bytes) -> None:
    """Write a key to a new file that its owner alone may read; raises InvalidValue."""
    try:
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w"
        ) as file:
            file.write(f"{key.hex()}\n")
    except OSError as error:
        raise InvalidValue("key_file", f"{path} can't be written: {error.strerror}") from None


def read_key(path: Path) -> bytes:
    """Return the key that a file holds; raises InvalidValue."""
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise InvalidValue("key_file", f"{path} can't be read: {error.strerror}") from None
    except ValueError:
        raise InvalidValue("key_file", f"{path} should hold hexadecimal digits") from None
