"""`addressee app key`, `revoke` and `end-sessions`: who may speak for an application."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from addressee.application import Administration
from addressee.domain import InvalidValue

from ...options.store_option import DEFAULT_STORE, Store, existing_store
from ...terminal.operator import operator
from .application_argument import Code


class KeyScope(StrEnum):
    """The rights of an API key."""

    backend = "backend"
    admin = "admin"
    support = "support"
    marketing = "marketing"
    read = "read"


def key(
    code: Code,
    scope: Annotated[KeyScope, typer.Option(help="The key's rights.")],
    store: Store = DEFAULT_STORE,
    *,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Revoke all older keys of that scope at once.")
    ] = False,
) -> None:
    """Create an API key and print it. It is shown only now: the store has only its hash.

    Without --rotate older keys stay valid while services move to the new one; then revoke them
    with `addressee app revoke`.

        addressee app key shop --scope backend
    """
    with existing_store(store) as ledger:
        typer.echo(Administration(ledger, operator()).issue_key(code, scope.value, alone=rotate))


def revoke(
    name: Annotated[str, typer.Argument(help="The key's part before the dot; see app list.")],
    store: Store = DEFAULT_STORE,
) -> None:
    """Revoke an API key. Servers notice within a second.

    addressee app revoke 0b6f3a9c51d2e874
    """
    with existing_store(store) as ledger:
        if not Administration(ledger, operator()).revoke_key(name.partition(".")[0]):
            raise InvalidValue(
                "name", "is the name of no key; `addressee app list` shows the names"
            )
    typer.echo("revoked")


def end_sessions(store: Store = DEFAULT_STORE) -> None:
    """End all sessions of operators in the portal. Servers notice within a second.

    addressee app end-sessions
    """
    with existing_store(store) as ledger:
        Administration(ledger, operator()).end_sessions()
    typer.echo("all sessions of operators have ended")
