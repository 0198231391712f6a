"""The person whom options of a command name."""

from __future__ import annotations

from typing import Annotated

import typer

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Profiles
from addressee.domain import InvalidValue

ExternalId = Annotated[str | None, typer.Option(help="The person's external id.")]
Msisdn = Annotated[str | None, typer.Option(help="A phone number of the person.")]
Email = Annotated[str | None, typer.Option(help="An e-mail address of the person.")]


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
