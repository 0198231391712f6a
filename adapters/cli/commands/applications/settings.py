"""`addressee app add` and `load`: the settings of applications."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from addressee.adapters.sql import SqlStore
from addressee.application import Administration, Applications
from addressee.domain import (
    Contacts,
    InvalidValue,
    MobileApp,
    OverCap,
    StoreNotSealed,
    UserData,
    other_modes,
)

from ...options.issuer_option import (
    Audiences,
    Claim,
    Issuer,
    Jwks,
    RemovedIssuers,
    changed_issuers,
    key_set_url,
)
from ...options.store_option import DEFAULT_STORE, Store, opened_store
from ...terminal.applications_file import read_applications
from ...terminal.operator import operator
from .application_argument import Code

Number = int | None
UNLIMITED = (
    "session_idle",
    "stale_after",
    "expire_after",
    "expire_anonymous_after",
    "erase_after",
    "erase_anonymous_after",
    "device_cap",
    "rate_limit",
)
"""Settings of which 0 means none."""


def add(  # noqa: PLR0913 # one option for each setting
    code: Code,
    store: Store = DEFAULT_STORE,
    *,
    jwt_key: Annotated[
        list[str] | None,
        typer.Option(help="KID:HEX, a key that signs persons' tokens; may be repeated."),
    ] = None,
    remove_jwt_key: Annotated[
        list[str] | None, typer.Option(help="The id of a signing key to remove; may be repeated.")
    ] = None,
    issuer: Issuer = None,
    jwks: Jwks = None,
    audience: Audiences = None,
    claim: Claim = None,
    remove_issuer: RemovedIssuers = None,
    user_data: Annotated[
        UserData | None,
        typer.Option(
            help="Devices may use persons' data: always (open), with the person's token (jwt), "
            "never (restricted)."
        ),
    ] = None,
    contacts: Annotated[
        Contacts | None,
        typer.Option(
            help="Devices may add e-mails and phones: any that nobody holds (self), or only those "
            "that a verified claim of the token has (vouched, the default of jwt)."
        ),
    ] = None,
    session_idle: Annotated[
        Number, typer.Option(help="Seconds until an unused session ends; 0 for never.")
    ] = None,
    stale_after: Annotated[
        Number, typer.Option(help="Seconds until an unused installation is stale; 0 for never.")
    ] = None,
    expire_after: Annotated[
        Number, typer.Option(help="Seconds until an unused installation expires; 0 for never.")
    ] = None,
    expire_anonymous_after: Annotated[
        Number,
        typer.Option(
            "--anonymous-after",
            help="The same for one that nobody is signed in on, a day at least; 0 for never.",
        ),
    ] = None,
    erase_after: Annotated[
        Number,
        typer.Option(
            help="Seconds until a person without an installation is erased, a day at least; 0 for "
            "never."
        ),
    ] = None,
    erase_anonymous_after: Annotated[
        Number,
        typer.Option(
            "--erase-anonymous",
            help="Seconds until what an expired installation told while nobody was signed in on it "
            "is erased, a day at least; 0 for never.",
        ),
    ] = None,
    device_cap: Annotated[Number, typer.Option(help="Devices of a person; 0 for no limit.")] = None,
    over_cap: Annotated[
        OverCap | None,
        typer.Option(
            help="Over the cap: refuse a sign-in, or evict the least recently used installation."
        ),
    ] = None,
    server_side_only: Annotated[
        bool | None,
        typer.Option(
            "--server-side-only/--devices-too", help="Only backends may sign persons in and out."
        ),
    ] = None,
    rate_limit: Annotated[Number, typer.Option(help="Requests a second; 0 for no limit.")] = None,
    attribute_limit: Annotated[
        Number, typer.Option(help="Most attributes of a person, and of an installation.")
    ] = None,
    tag_limit: Annotated[
        Number, typer.Option(help="Most tags of a person, and of an installation.")
    ] = None,
    tagging_limit: Annotated[
        Number, typer.Option(help="Most changed tags times installations of one command.")
    ] = None,
    expression_limit: Annotated[
        Number, typer.Option(help="Most characters of an audience.")
    ] = None,
    term_limit: Annotated[Number, typer.Option(help="Most terms of an audience.")] = None,
    level_limit: Annotated[Number, typer.Option(help="Most levels of an audience.")] = None,
    none_id: Annotated[
        list[str] | None,
        typer.Option(
            help="An external id that stands for nobody, in place of the usual; may be repeated."
        ),
    ] = None,
    usual_none_ids: Annotated[
        bool, typer.Option("--usual-none-ids", help="The usual ids stand for nobody again.")
    ] = False,
) -> None:
    """Add an application, or change one: options that are not given stay as they are.

    addressee app add shop --user-data jwt --jwt-key main:8f0c…

    addressee app add shop --issuer https://id.x.com --jwks https://id.x.com/keys --audience app
    """
    given: dict[str, Any] = {
        "user_data": user_data,
        "contacts": contacts,
        "session_idle": session_idle,
        "stale_after": stale_after,
        "expire_after": expire_after,
        "expire_anonymous_after": expire_anonymous_after,
        "erase_after": erase_after,
        "erase_anonymous_after": erase_anonymous_after,
        "device_cap": device_cap,
        "over_cap": over_cap,
        "server_side_only": server_side_only,
        "rate_limit": rate_limit,
        "attribute_limit": attribute_limit,
        "tag_limit": tag_limit,
        "tagging_limit": tagging_limit,
        "expression_limit": expression_limit,
        "term_limit": term_limit,
        "level_limit": level_limit,
        "none_ids": none_id,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for name in UNLIMITED:
        if changes.get(name) == 0:
            changes[name] = None
    if usual_none_ids:
        changes["none_ids"] = None
    new_keys = dict(map(parsed_key, jwt_key or ()))
    provider = {"jwks": key_set_url(jwks), "audiences": audience, "claim": claim}
    with opened_store(store) as ledger:
        known = ledger.applications.get(code)
        before = {} if known is None else known.model_dump()
        kept = {
            kid: secret
            for kid, secret in before.get("jwt_keys", {}).items()
            if kid not in (remove_jwt_key or ())
        }
        changes["jwt_keys"] = {**kept, **new_keys}
        changes["issuers"] = changed_issuers(
            before.get("issuers", ()), issuer, provider, remove_issuer or ()
        )
        application = MobileApp.of(code, {**before, **changes})
        check_erasable(ledger, [application])
        Administration(ledger, operator()).put(application)
        typer.echo(f"{code} {'changed' if known else 'added'}")
        note_other_modes(ledger.applications, [application])


def load(
    file: Annotated[Path, typer.Argument(help="A TOML file with a table [applications.CODE].")],
    store: Store = DEFAULT_STORE,
) -> None:
    """Add or replace the applications in a file; others stay as they are.

    The settings are named as the options of `addressee app add`, with underscores; jwt_keys is a
    table of key ids and secrets, issuers a list of tables with issuer, jwks, audiences and claim.
    A file with an error changes nothing.

        addressee app load applications.toml
    """
    given = [MobileApp.of(code, settings) for code, settings in read_applications(file).items()]
    with opened_store(store) as ledger:
        check_erasable(ledger, given)
        Administration(ledger, operator()).put(*given)
        for application in given:
            typer.echo(f"{application.code} loaded")
        note_other_modes(ledger.applications, given)


def check_erasable(ledger: SqlStore, changed: Sequence[MobileApp]) -> None:
    """Raise StoreNotSealed if data is to be erased by time from a store in clear."""
    if ledger.sealed_as is None and any(
        each.erase_after or each.erase_anonymous_after for each in changed
    ):
        raise StoreNotSealed


def note_other_modes(applications: Applications, changed: Sequence[MobileApp]) -> None:
    """Note on stderr that applications of a store share persons under different modes (R56)."""
    every = applications.all()
    for application in changed:
        if others := other_modes(application, every):
            named = ", ".join(f"{code} ({mode})" for code, mode in others.items())
            typer.echo(
                f"note: {application.code} ({application.user_data}) shares its persons with"
                f" {named}; each person is as protected as the strictest application they met",
                err=True,
            )


def parsed_key(text: str) -> tuple[str, str]:
    """Return key id and secret; the error does not show the secret."""
    kid, colon, secret = text.partition(":")
    if not colon:
        raise InvalidValue("jwt-key", "should be KID:HEX")
    return kid, secret
