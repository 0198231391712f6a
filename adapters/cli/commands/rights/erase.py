"""`addressee erase`: make the data of one person unreadable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Rights, forgotten_erasures, interrupted_erasures
from addressee.domain import InvalidValue

from ...options.store_option import DEFAULT_STORE, Store, existing_store
from ...terminal.operator import operator
from ...terminal.output import one_line, show_json
from ...terminal.progress import long_work
from .named_person import Email, ExternalId, Msisdn, named_by, person_with


def erase(  # noqa: PLR0913 # one option for each way to name a person
    store: Store = DEFAULT_STORE,
    *,
    external_id: ExternalId = None,
    msisdn: Msisdn = None,
    email: Email = None,
    person: Annotated[
        str | None, typer.Option(help="The person's id; to go on with an erasure, the only way.")
    ] = None,
    restored: Annotated[
        bool,
        typer.Option(
            "--restored", help="All whose erasure the ledger does not know, as it was restored."
        ),
    ] = False,
    interrupted: Annotated[
        bool, typer.Option("--interrupted", help="All whose erasure has begun and is not done.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be erased, and change nothing.")
    ] = False,
) -> None:
    """Answer "delete me": make a person's data unreadable, and print the certificate as JSON.

    The store must be sealed. The person is signed out everywhere and found no more, and the keys of
    the person's data are destroyed, so that backups of the ledger give nothing away either. It
    can't be undone: look at the dry run first. If it was interrupted, repeat it with --person and
    the id that it has printed first, or with --interrupted, which reads the whole ledger for such
    persons. Stores that share the key store by an import share the loss.

    After the ledger was restored from a backup, --restored rebuilds the read models and erases
    again all persons who were erased since the backup; there is a line of JSON for each.

        addressee erase --external-id ali --dry-run --store sqlite:///day.db

        addressee erase --person 0123456789abcdef0123456789abcdef --store sqlite:///day.db
    """
    given = {"external_id": external_id, "msisdn": msisdn, "email": email, "person": person}
    found = restored or interrupted
    if found and any(value is not None for value in given.values()):
        option = "restored" if restored else "interrupted"
        raise InvalidValue(option, "takes no person: it finds them")
    named = None if found else named_by(**given)
    with existing_store(store) as ledger:
        if named is None:
            names = to_repeat(ledger, restored=restored, interrupted=interrupted, dry_run=dry_run)
        else:
            names = [person_with(ledger, named, None)]
        rights = Rights(ledger)
        for name in names:
            planned = rights.erase(name, dry_run=True)  # or there is nobody to erase
            if dry_run:
                show_json(planned.as_json())
                continue
            # For when it is interrupted: nobody has the identifier any more then.
            typer.echo(one_line(f"erasing person {name}"), err=True)
            show_json(rights.erase(name, actor=operator()).as_json())
    if found:
        done = "would be erased" if dry_run else "erased"
        typer.echo(f"{len(names):,} persons {done} again", err=True)


def to_repeat(
    ledger: SqlStore, *, restored: bool, interrupted: bool, dry_run: bool
) -> Sequence[str]:
    """Return the persons to erase again, with the read models rebuilt where that comes first."""
    names = dict.fromkeys(forgotten_erasures(ledger) if restored else ())
    if names and not dry_run:
        with long_work("rebuilding") as advance:
            Rebuild(ledger).run(lambda done: advance(done.position, done.last))
    if interrupted:
        with long_work("reading the ledger") as advance:
            names |= dict.fromkeys(interrupted_erasures(ledger, advance))
    return [*names]
