"""`addressee erase-inactive`: erase persons who have had no installation for long."""

from __future__ import annotations

from typing import Annotated

import typer

from addressee.application import Erasure, Rights

from ...options.store_option import DEFAULT_STORE, Store, existing_store
from ...terminal.output import show_json
from ...terminal.progress import long_work


def erase_inactive(
    store: Store = DEFAULT_STORE,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show who would be erased, and change nothing.")
    ] = False,
) -> None:
    """Erase persons who have had no installation for long, and print each certificate as JSON.

    How long that is `addressee app add` says, with --erase-after; of several applications that
    have met a person, all must have a time, and the longest counts. Each person is erased as by
    `addressee erase`, so the store must be sealed, and it can't be undone: look at the dry run
    first. A scheduler runs this each day; `addressee serve` does not. A run that was stopped
    resumes.

        addressee erase-inactive --dry-run

        addressee erase-inactive >> certificates.jsonl
    """

    def show(erasure: Erasure) -> None:
        show_json(erasure.as_json())

    with existing_store(store) as ledger, long_work("erasing persons") as advance:
        erased = Rights(ledger).erase_inactive(dry_run=dry_run, erased=show, progress=advance)
    typer.echo(f"{erased:,} persons {'would be erased' if dry_run else 'erased'}", err=True)
