"""Maintenance of a store: expire sessions, compact, rebuild, verify and migrate."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

import typer

from addressee.adapters.sql import READ_MODELS, Rebuild, SqlStore, unfilled
from addressee.application import (
    Administration,
    History,
    Personalization,
    Profiles,
)
from addressee.application import verify as verified

from ..options.sealing_keys_from_environment import HINT
from ..options.store_option import DEFAULT_STORE, Store, existing_store
from ..terminal.operator import operator
from ..terminal.output import Form, one_line, show_json, show_table
from ..terminal.progress import long_work

DIFFERENT = 1


class ReadModel(StrEnum):
    """The read models that can be rebuilt alone."""

    installations = "installations"
    addresses = "addresses"
    identifiers = "identifiers"
    segments = "segments"
    audiences = "audiences"


def compact(store: Store = DEFAULT_STORE) -> None:
    """Merge recent changes into the audience index, and print their number.

    Commands do so themselves from time to time. A scheduler that runs this at quiet hours saves
    them the work. It may run at any rate, while commands run, and several times at once.

        addressee compact --store sqlite:///day.db
    """
    with existing_store(store) as ledger:
        typer.echo(ledger.compact())


def expire_sessions(
    store: Store = DEFAULT_STORE,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would end or expire, and count.")
    ] = False,
    form: Annotated[Form, typer.Option("--format", help="The output format.")] = Form.table,
) -> None:
    """End the sessions, and expire the installations, that nobody has used for long enough.

    How long that is `addressee app add` says, with --session-idle, --expire-after and
    --anonymous-after. Prints the installations with the persons who were signed out.
    `addressee serve` does so each minute; where an application embeds the library, a scheduler runs
    this, at any rate. In a pipe the columns are
    installation and person; in JSON lines, those that expire have `expired`. With --dry-run it also
    counts those that are stale (--stale-after): pushes still reach them.

        addressee expire-sessions --dry-run

        addressee expire-sessions --format jsonl
    """
    with existing_store(store) as ledger:
        ended = would_end(ledger) if dry_run else end(ledger)
    if form is Form.jsonl:
        for each in ended:
            row = {"installation": each.installation, "person": each.person}
            show_json({**row, "expired": True} if each.expired else row)
    else:
        show_table(("installation", "person"), ((each.installation, each.person) for each in ended))
    expired = sum(each.expired for each in ended)
    sessions = len(ended) - expired
    typer.echo(f"{sessions:,} sessions {'would end' if dry_run else 'ended'}", err=True)
    if expired:
        done = "would expire" if dry_run else "expired"
        typer.echo(f"{expired:,} installations {done}", err=True)


class Ended(NamedTuple):
    """An installation whose session has ended, or that has expired; and its person."""

    installation: str
    person: str
    expired: bool


def end(ledger: SqlStore) -> list[Ended]:
    """Do what the policies of the applications say."""
    return [
        Ended(installation, each.person or "", each.outcome == "expired")
        for each in Personalization(ledger).expire_sessions()
        for installation in each.installations
    ]


def would_end(ledger: SqlStore) -> list[Ended]:
    """Return the same without doing it, and count what is stale on standard error."""
    history, found = History(ledger), Profiles(ledger).inactivity()
    for each in found:
        if each.stale:
            typer.echo(one_line(f"{each.application}: {len(each.stale):,} are stale"), err=True)
    return [
        Ended(name, history.who(name) or "", expired)
        for each in found
        for names, expired in (
            (each.expiring, True),
            (each.anonymous, True),
            (each.ending, False),
        )
        for name in names
    ]


def rebuild(
    store: Store = DEFAULT_STORE,
    only: Annotated[
        list[ReadModel] | None, typer.Option(help="Rebuild only this one; may be repeated.")
    ] = None,
    workers: Annotated[  # noqa: ARG001 # a limit that one worker keeps
        int,
        typer.Option(
            min=1, help="An upper limit; one worker does it all, since more were not faster."
        ),
    ] = 1,
) -> None:
    """Rebuild the read models from the ledger while the service runs.

    New tables are filled while the old ones answer queries; then one transaction swaps them. The
    ledger is only read. A run that was stopped resumes; a second run at the same time is refused.
    `addressee verify` tells whether a rebuild is needed.

        addressee rebuild --only audiences --store sqlite:///day.db
    """
    with existing_store(store) as ledger, long_work("rebuilding") as advance:
        parts = [name.value for name in only or ()]
        run = Rebuild(ledger, parts)
        Administration(ledger, operator()).start("rebuild", parts)
        last = run.run(lambda done: advance(done.position, done.last))
    typer.echo(f"rebuilt {', '.join(only or READ_MODELS)} from the ledger up to position {last}")


def verify(
    store: Store = DEFAULT_STORE,
    form: Annotated[Form, typer.Option("--format", help="The output format.")] = Form.table,
) -> None:
    """Check the ledger and the read models; print each difference.

    Streams must have no gap, the ledger must match the seals that `addressee seal` made, and the
    read models must equal a replay of the ledger. The check reads one snapshot while commands
    run. `addressee rebuild` repairs read models; nothing here repairs a ledger. Without the keys of
    a sealed store it checks positions, streams and seals, and says so. In a pipe the
    columns are place, name and problem. Exit status: 0 no differences, 1 differences, 2 the store
    can't be read.

        addressee verify --store sqlite:///day.db --format jsonl
    """
    with existing_store(store) as ledger, long_work("checking") as advance:
        found = verified(ledger, progress=advance)
    if form is Form.jsonl:
        for difference in found.differences:
            show_json(asdict(difference))
    else:
        rows = ((d.place, d.name, d.problem) for d in found.differences)
        show_table(("place", "name", "problem"), rows)
    summary = (
        f"{found.events} events up to position {found.position}, {found.skipped} skipped, "
        f"sealed up to {found.sealed}, {len(found.differences) or 'no'} differences"
    )
    typer.echo(summary, err=True)
    if found.unread:
        problem = f"{found.unread} events were not interpreted, and read models not compared"
        typer.echo(f"{problem}: the store is sealed; {HINT}", err=True)
    raise typer.Exit(DIFFERENT if found.differences else 0)


def migrate(
    store: Store = DEFAULT_STORE,
    *,
    before_deploy: Annotated[
        bool,
        typer.Option("--before-deploy", help="Only the changes that the old code works with."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the SQL instead of running it.")
    ] = False,
    prefix: Annotated[str, typer.Option(help="The prefix of the tables' names.")] = "addressee_",
    schema: Annotated[str | None, typer.Option(help="The database schema of the tables.")] = None,
) -> None:
    """Migrate a store's tables to this release, or create them.

    Run the first command before you deploy new code, and the second when no old code runs:

        addressee migrate --before-deploy --store postgresql+psycopg://host/db

        addressee migrate --store postgresql+psycopg://host/db

    The second also fills what the release that has written the store did not know: the addresses
    of installations, and what queries for one person need.
    """
    # Alembic takes as long to load as a query takes in all.
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
    if part == "after":
        with SqlStore(store, prefix=prefix, schema=schema, create=False) as ledger:
            if lacking := unfilled(ledger):
                Rebuild(ledger, lacking).run()
                missing += [f"filled the {' and '.join(lacking)}"] if ledger.last() else []
    typer.echo("\n".join(missing) or "nothing to do")
