"""`addressee erase-inactive`: erase persons and devices that are gone for long."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from addressee.application import Erasure, InstallationErasure, Rights

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
    have met a person, all must have a time, and the longest counts. Of devices that have expired
    for long, as --erase-anonymous says, it erases what they told while nobody was signed in on
    them. Each is erased as by `addressee erase`, so the store must be sealed, and it can't be
    undone: look at the dry run first. A scheduler runs this each day; `addressee serve` does not. A
    run that was stopped resumes.

        addressee erase-inactive --dry-run

        addressee erase-inactive >> certificates.jsonl
    """
    numbers = Counter[type]()

    def show(erasure: Erasure | InstallationErasure) -> None:
        numbers[type(erasure)] += 1
        show_json(erasure.as_json())

    with existing_store(store) as ledger, long_work("erasing") as advance:
        Rights(ledger).erase_inactive(dry_run=dry_run, erased=show, progress=advance)
    done = "would be erased" if dry_run else "erased"
    persons, devices = numbers[Erasure], numbers[InstallationErasure]
    typer.echo(f"{persons:,} persons and {devices:,} installations {done}", err=True)
