"""`addressee app list`: what is set, without secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer

from addressee.application import Applications
from addressee.domain import MobileApp

from ...options.store_option import DEFAULT_STORE, Store, existing_store
from ...terminal.output import show_json, show_table


def list_(
    store: Store = DEFAULT_STORE,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
) -> None:
    """List the applications with their policies and the names of their keys, without secrets.

    In a pipe the columns stand without headings, in the order of the fields of --json.

        addressee app list --json
    """
    with existing_store(store) as ledger:
        rows = [shown(ledger.applications, each) for each in ledger.applications.all()]
    if as_json:
        for row in rows:
            show_json(row)
        return
    headings = tuple(rows[0]) if rows else ()
    show_table(headings, (tuple(map(cell, row.values())) for row in rows))


def shown(applications: Applications, application: MobileApp) -> dict[str, Any]:
    """Return an application's fields without its secrets."""
    return {
        **application.model_dump(exclude={"jwt_keys"}),
        "jwt_keys": sorted(application.jwt_keys),
        "api_keys": [f"{each.scope} {each.name}" for each in applications.keys(application.code)],
    }


def cell(value: object) -> str:
    """Return a setting as text."""
    if isinstance(value, list | tuple):
        parts = cast("Sequence[str | dict[str, str]]", value)
        return ", ".join(each["issuer"] if isinstance(each, dict) else each for each in parts)
    return "" if value is None else str(value)
