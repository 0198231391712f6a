"""`addressee subject` and `addressee erase`: what is held about one person, shown and erased."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from addressee.adapters.private_file import private_file
from addressee.adapters.sql import SqlStore
from addressee.application import Access, Identity, Profiles, Rights
from addressee.domain import InvalidValue

from ..terminal.files import STANDARD, opened
from ..terminal.output import one_line, show_json
from ..terminal.store_option import DEFAULT_STORE, Store, existing_store


def subject(  # noqa: PLR0913 # one option for each way to name a person
    to: Annotated[Path, typer.Option(help="The new ZIP file; - writes to standard output.")],
    store: Store = DEFAULT_STORE,
    *,
    external_id: Annotated[str | None, typer.Option(help="The person's external id.")] = None,
    msisdn: Annotated[str | None, typer.Option(help="A phone number of the person.")] = None,
    email: Annotated[str | None, typer.Option(help="An e-mail address of the person.")] = None,
    person: Annotated[
        str | None, typer.Option(help="The person's id, also where no identifier is left.")
    ] = None,
    app_code: Annotated[
        str | None,
        typer.Option("--app", help="Only what this application has; by default all of it."),
    ] = None,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="Show push tokens in full; masked by default.")
    ] = False,
    processing: Annotated[
        Path | None,
        typer.Option(
            help="A JSON file with what you say of purposes, recipients and storage, for the ZIP."
        ),
    ] = None,
) -> None:
    """Answer "what do you hold about me?": write a ZIP with all that is held about one person.

    The ZIP has a README.txt for the person, person.json, the timeline of events, CSV files, and a
    manifest with the SHA-256 of each. Of shared devices it shows only the times in which the person
    was signed in, and nothing of anybody else. The ledger records that an export was made, and not
    what it held; a repeated call is a second export. Check who is asking before you hand it out.

        addressee subject --external-id ali --to ali.zip --store sqlite:///day.db

        addressee subject --email ali@x.com --app shop --processing processing.json --to ali.zip
    """
    named = named_by(external_id=external_id, msisdn=msisdn, email=email, person=person)
    options = Access(within=app_code, addresses=addresses, processing=read_json(processing))
    with existing_store(store) as ledger:
        name = person_with(ledger, named, app_code)
        parts = Rights(ledger).of
        if to == STANDARD:
            sys.stdout.buffer.writelines(parts(name, **options))
        else:
            with private_file(to) as file:
                file.writelines(parts(name, **options))
    typer.echo(one_line(f"exported person {name}"), err=to == STANDARD)


def erase(  # noqa: PLR0913 # one option for each way to name a person
    store: Store = DEFAULT_STORE,
    *,
    external_id: Annotated[str | None, typer.Option(help="The person's external id.")] = None,
    msisdn: Annotated[str | None, typer.Option(help="A phone number of the person.")] = None,
    email: Annotated[str | None, typer.Option(help="An e-mail address of the person.")] = None,
    person: Annotated[
        str | None, typer.Option(help="The person's id; to go on with an erasure, the only way.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be erased, and change nothing.")
    ] = False,
) -> None:
    """Answer "delete me": make a person's data unreadable, and print the certificate as JSON.

    The store must be sealed. The person is signed out everywhere and found no more, and the keys of
    the person's data are destroyed, so that backups of the ledger give nothing away either. It
    can't be undone: look at the dry run first. If it was interrupted, repeat it with --person and
    the id that it has printed first. Stores that share the key store by an import share the loss.

        addressee erase --external-id ali --dry-run --store sqlite:///day.db

        addressee erase --person 0123456789abcdef0123456789abcdef --store sqlite:///day.db
    """
    named = named_by(external_id=external_id, msisdn=msisdn, email=email, person=person)
    with existing_store(store) as ledger:
        name = person_with(ledger, named, None)
        if not dry_run:  # for when it is interrupted: nobody has the identifier any more then
            typer.echo(one_line(f"erasing person {name}"), err=True)
        show_json(Rights(ledger).erase(name, dry_run=dry_run).as_json())


def named_by(**given: str | None) -> tuple[str, str]:
    """Return the one way in which a person is named, and the value; raises InvalidValue."""
    named = [(kind, value) for kind, value in given.items() if value is not None]
    if len(named) != 1:
        raise InvalidValue("person", "takes one of --external-id, --msisdn, --email, --person")
    return named[0]


def person_with(ledger: SqlStore, named: tuple[str, str], app_code: str | None) -> str:
    """Return the id of the person who holds an identifier; raises InvalidValue for nobody."""
    kind, value = named
    if kind == "person":
        return value
    identity = (
        Identity(external_id=value)
        if kind == "external_id"
        else Identity(msisdns=[value])
        if kind == "msisdn"
        else Identity(emails=[value])
    )
    found = Profiles(ledger).find(identity, within=app_code)
    if found is None:
        problem = "nobody holds it; `addressee history` tells who did, for --person"
        raise InvalidValue(kind, problem)
    return found.name


def read_json(path: Path | None) -> Any:  # noqa: ANN401 # any JSON
    """Return the JSON in a file, None for no file; raises InvalidValue."""
    if path is None:
        return None
    with opened(path, "r") as file:
        try:
            return json.load(file)
        except (ValueError, RecursionError):
            raise InvalidValue("processing", f"{path} should be a JSON object") from None
