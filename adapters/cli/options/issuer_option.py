"""The options that name an identity provider whose tokens an application trusts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from addressee.domain import InvalidValue

Issuer = Annotated[
    str | None,
    typer.Option(
        help="The claim iss of an identity provider whose tokens name persons; takes --jwks and "
        "--audience, or changes what was given before."
    ),
]
Jwks = Annotated[
    str | None,
    typer.Option(help="Its public keys: an https URL (http on this machine alone), or a file."),
]
Audiences = Annotated[
    list[str] | None,
    typer.Option(
        "--audience", help="The claim aud of its tokens for this application; may be repeated."
    ),
]
Claim = Annotated[
    str | None, typer.Option(help="Its claim with the external id; sub if none is given.")
]
RemovedIssuers = Annotated[
    list[str] | None,
    typer.Option("--remove-issuer", help="The iss of a provider to remove; may be repeated."),
]


def changed_issuers(
    known: Sequence[dict[str, Any]],
    issuer: str | None,
    settings: dict[str, Any],
    removed: Collection[str],
) -> list[dict[str, Any]]:
    """Return an application's identity providers with one added or changed, and some removed.

    Args:
        known: the settings of those that it has.
        issuer: the one to add or change.
        settings: its settings; those that are None stay as they are.
        removed: those to remove.

    Raises:
        InvalidValue: settings without an issuer, or one to remove that is not there.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if given and issuer is None:
        raise InvalidValue("issuer", "should be given with --jwks, --audience and --claim")
    found = {each["issuer"]: each for each in known}
    for name in removed:
        if found.pop(name, None) is None:
            raise InvalidValue("remove-issuer", "is no identity provider of the application")
    if issuer is not None:
        found[issuer] = {**found.get(issuer, {}), **given, "issuer": issuer}
    return [*found.values()]


def key_set_url(place: str | None) -> str | None:
    """Return the URL of a key set that is given as a URL or a file."""
    if place is None or ":" in place:
        return place
    return Path(place).resolve().as_uri()
