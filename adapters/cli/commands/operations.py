"""What operators do with a store: bring it up to date, tidy, rebuild and check it."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Literal

import typer

from addressee.adapters.sql import READ_MODELS, Rebuild
from addressee.application import verify as verified

from ..terminal.output import Form, show_table
from ..terminal.progress import long_work
from ..terminal.store_option import DEFAULT_STORE, Store, existing_store

DIFFERENT = 1


class ReadModel(StrEnum):
    """What can be rebuilt alone."""

    installations = "installations"
    identifiers = "identifiers"
    segments = "segments"
    audiences = "audiences"


def compact(store: Store = DEFAULT_STORE) -> None:
    """Fold what live changes left beside the audience index into it, and print how many they were.

    Commands do so themselves now and then. A scheduler that does it at quiet times spares them the
    work; it may run as often as it likes, beside commands and beside itself.

        addressee compact --store sqlite:///day.db
    """
    with existing_store(store) as ledger:
        typer.echo(ledger.compact())


def rebuild(
    store: Store = DEFAULT_STORE,
    only: Annotated[
        list[ReadModel] | None, typer.Option(help="Rebuild this one; may be given several times.")
    ] = None,
    workers: Annotated[  # noqa: ARG001 # a limit that one worker keeps
        int, typer.Option(min=1, help="At most so many; one does it all, more were no faster.")
    ] = 1,
) -> None:
    """Rebuild the read models from the ledger while the service works.

    New tables are filled beside those in use, which answer until the new ones take their place in
    one transaction. The ledger is only read. A run that was stopped goes on where it was; two at a
    time are refused. `addressee verify` says whether there is a need.

        addressee rebuild --only audiences --store sqlite:///day.db
    """
    with existing_store(store) as ledger, long_work("rebuilding") as advance:
        run = Rebuild(ledger, [name.value for name in only or ()])
        last = run.run(lambda done: advance(done.position, done.last))
    typer.echo(f"rebuilt {', '.join(only or READ_MODELS)} from the ledger up to position {last}")


def verify(
    store: Store = DEFAULT_STORE,
    form: Annotated[Form, typer.Option("--format", help="How to print.")] = Form.table,
) -> None:
    """Check that ledger and read models are whole; print each difference.

    Streams must have no gap, the ledger must be what `addressee seal` sealed, and the read models
    what a fold of the ledger gives. It looks at one moment, while commands go on. Exit status: 0
    nothing found, 1 differences, 2 the store can't be read. What is wrong with read models is
    mended by `addressee rebuild`.

        addressee verify --store sqlite:///day.db --format jsonl
    """
    with existing_store(store) as ledger, long_work("checking") as advance:
        found = verified(ledger, progress=advance)
    if form is Form.jsonl:
        for difference in found.differences:
            typer.echo(json.dumps(asdict(difference)))
    else:
        rows = ((d.place, d.name, d.problem) for d in found.differences)
        show_table(("place", "name", "problem"), rows)
    summary = (
        f"{found.events} events up to position {found.position}, {found.skipped} skipped, "
        f"sealed up to {found.sealed}, {len(found.differences) or 'no'} differences"
    )
    typer.echo(summary, err=True)
    raise typer.Exit(DIFFERENT if found.differences else 0)


def migrate(
    store: Store = DEFAULT_STORE,
    *,
    before_deploy: Annotated[
        bool,
        typer.Option("--before-deploy", help="Only what the code that runs now can live with."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL instead of running it.")
    ] = False,
    prefix: Annotated[str, typer.Option(help="Before the names of the tables.")] = "addressee_",
    schema: Annotated[str | None, typer.Option(help="The tables' database schema.")] = None,
) -> None:
    """Bring a store's tables up to date with this release, or make them.

    Before new code is deployed, run what the old code can live with; when no old code runs any
    more, run the rest:

        addressee migrate --before-deploy --store postgresql+psycopg://host/db

        addressee migrate --store postgresql+psycopg://host/db
    """
    # Alembic takes as long to load as a question takes to answer.
    from addressee.adapters.sql.schema.migration import Migration  # noqa: PLC0415 # for that reason

    migration = Migration(store, prefix=prefix, schema=schema)
    part: Literal["before", "after"] = "before" if before_deploy else "after"
    try:
        if dry_run:
            typer.echo(migration.sql(part), nl=False)
            return
        missing = migration.missing(part)
        migration.run(part)
    finally:
        migration.close()
    typer.echo("\n".join(missing) or "nothing to do")
