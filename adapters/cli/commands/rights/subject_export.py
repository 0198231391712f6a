"""`addressee subject`: hand out what is held about one person."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from addressee.adapters.private_file import private_file
from addressee.application import Access, Rights
from addressee.domain import InvalidValue

from ...options.store_option import DEFAULT_STORE, Store, existing_store
from ...terminal.files import STANDARD, opened
from ...terminal.output import one_line
from .named_person import Email, ExternalId, Msisdn, named_by, person_with


def subject(  # noqa: PLR0913 # one option for each way to name a person
    to: Annotated[Path, typer.Option(help="The new ZIP file; - writes to standard output.")],
    store: Store = DEFAULT_STORE,
    *,
    external_id: ExternalId = None,
    msisdn: Msisdn = None,
    email: Email = None,
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


def read_json(path: Path | None) -> Any:  # noqa: ANN401 # any JSON
    """Return the JSON in a file, None for no file; raises InvalidValue."""
    if path is None:
        return None
    with opened(path, "r") as file:
        try:
            return json.load(file)
        except (ValueError, RecursionError):
            raise InvalidValue("processing", f"{path} should be a JSON object") from None
