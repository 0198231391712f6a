"""The commands' names, arguments and help; their work is in `commands`."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from addressee.application import History
from addressee.domain import AddresseeError, InvalidValue, StoreSealed, values

from .commands import follow, maintenance, pushes, queries, relays, seals, transfers
from .commands import serve as service
from .commands.applications import group
from .commands.apply import apply_file
from .commands.rights.erase import erase
from .commands.rights.erase_inactive import erase_inactive
from .commands.rights.keys import COMMANDS as KEYS
from .commands.rights.merges import merge, unmerge
from .commands.rights.subject_export import subject
from .options.sealing_keys_from_environment import HINT
from .options.store_option import DEFAULT_STORE, Store, existing_store, opened_store
from .options.traces_option import Traces
from .terminal.files import opened
from .terminal.output import Form, escape_unencodable, one_line

SOME_REFUSED, UNUSABLE, CLOSED_PIPE = 1, 2, 128 + 13
"""The last is what a shell gives a program that SIGPIPE ends: the reader wanted no more."""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False)


class Format(StrEnum):
    """The output format of installations."""

    table = "table"
    jsonl = "jsonl"
    ids = "ids"


def show_version(wanted: bool) -> None:  # noqa: FBT001 # typer's callback
    """Print the version and exit."""
    if wanted:
        typer.echo(version("addressee"))
        raise typer.Exit


for of, grouped in (("app", group), ("relay", relays), ("follow", follow)):
    app.add_typer(grouped.commands, name=of)
for command in (
    maintenance.rebuild,
    maintenance.verify,
    seals.seal,
    transfers.export,
    transfers.fill,
    maintenance.expire_sessions,
    maintenance.compact,
    maintenance.migrate,
    *KEYS,
):
    name = "import" if command is transfers.fill else None
    app.command(name, rich_help_panel="For operators")(command)
for of_persons in (subject, erase, erase_inactive, merge, unmerge):
    app.command(rich_help_panel="Rights of persons")(of_persons)
for about_pushes in (pushes.push, pushes.pushes, pushes.dispatch):
    app.command(rich_help_panel="Pushes")(about_pushes)


@app.callback()
def addressee(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Know who is logged in on which device, whom a push reaches, and who it was at any time.

    A store is one database: its ledger records every change, and its indexes answer queries. Fill
    one from a file with `apply`, or run the HTTP service with `app add` and `serve`. Ask it with
    `target`, `who` and `history`. Every command has examples in its own --help.

        addressee apply docs/day.jsonl --store sqlite:///day.db

        addressee target 'tag:vip and not os:ios' --app app-code-1 --store sqlite:///day.db

    Output goes to standard output: a table on a terminal, tab-separated columns in a pipe, JSON
    lines with --format jsonl. Messages go to standard error. Exit status: 0 success; 1 lines were
    refused or differences were found; 2 the command could not run; 130 Ctrl-C; 141 the reader of
    a pipe closed it.
    """


@app.command()
def apply(
    file: Annotated[
        Path,
        typer.Argument(
            help="Commands or recorded traffic, one JSON object a line; - reads standard input."
        ),
    ],
    store: Store = DEFAULT_STORE,
    report: Annotated[
        Path | None, typer.Option(help="A file for the outcome of each line, as JSON lines.")
    ] = None,
) -> None:
    """Run the commands in a file, one JSON object a line; create the store if it is new.

    A line is a command, `{"command": "personalize", "installation": "i1", "identity":
    {"external_id": "ali"}}`, with the arguments of the Python method of that name, and `at` for
    the time it happened. Or it is a recorded request of a mobile SDK with `method`, `path`,
    `headers` and `body`.

    A refused line changes nothing and is reported with its number and the error. Lines are
    committed 500 at a time; after Ctrl-C or a full disk the summary counts what was committed.
    Exit status: 0 all applied, 1 some refused, 2 the file could not be read to its end.

        addressee apply docs/day.jsonl --store sqlite:///day.db --report day-report.jsonl
    """
    with opened(file, "rb") as lines:
        refused = apply_file(lambda: opened_store(store), lines, report)
    raise typer.Exit(SOME_REFUSED if refused else 0)


@app.command()
def target(  # noqa: PLR0913 # one argument for each kind of query
    expression: Annotated[str, typer.Argument(help="For example: tag:vip and not os:ios")],
    app_code: Annotated[str, typer.Option("--app", help="The application's code.")],
    store: Store = DEFAULT_STORE,
    *,
    count: Annotated[bool, typer.Option("--count", help="Print only the number.")] = False,
    preview: Annotated[int | None, typer.Option(help="Print at most this many.")] = None,
    explain: Annotated[
        str | None, typer.Option(help="Explain why this installation is reached or not.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print how the index would evaluate it.")
    ] = False,
    primary: Annotated[bool, typer.Option("--primary", help="Only primary installations.")] = False,
    disabled: Annotated[
        bool, typer.Option("--all", help="Also installations with a push flag off.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(help="Query the past: a time in ISO 8601, or a position in the ledger."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="The output format.")] = Format.table,
) -> None:
    """List the installations that a push to an audience reaches, or would have reached.

    Terms: external_id: msisdn: email: tag: (of persons) itag: (of installations) os: language:
    app_version: type: installation: attr.NAME: iattr.NAME: and the words all and primary;
    segment:NAME is a saved audience. Operators: and or not ( ), also && || !. Values with spaces
    or punctuation stand in double quotes. Installations with a push flag off are left out unless
    --all is given. In a pipe the columns are installation and person.

        addressee target 'email:ali@x.com' --app shop --primary

        addressee target 'tag:vip and not os:ios' --app shop --count

        addressee target 'tag:vip' --app shop --as-of 2026-11-23T10:30:00Z
    """
    with existing_store(store) as ledger:
        store_then = ledger if as_of is None else queries.looked_back(ledger, as_of)
        query = queries.AudienceQuery(store_then, app_code, expression, disabled, primary)
        if explain is not None:
            queries.show_explanation(query, explain, as_json=form is Format.jsonl)
        elif plan:
            queries.show_plan(query, as_json=form is Format.jsonl)
        elif count:
            typer.echo(query.count())
        else:
            queries.show_targets(query, preview, form.value)
        queries.hint_at_application(ledger, app_code)


@app.command()
def history(  # noqa: PLR0913, PLR0917 # one option for each kind of history
    installation: Annotated[str | None, typer.Option(help="An installation's id.")] = None,
    person: Annotated[str | None, typer.Option(help="A person's id.")] = None,
    external_id: Annotated[str | None, typer.Option(help="An external id: who held it.")] = None,
    msisdn: Annotated[str | None, typer.Option(help="A phone number: who held it.")] = None,
    email: Annotated[str | None, typer.Option(help="An e-mail address: who held it.")] = None,
    actor: Annotated[str | None, typer.Option(help="A caller, as backend:billing.")] = None,
    app_code: Annotated[
        str | None, typer.Option("--app", help="An application: what was done to it.")
    ] = None,
    store: Store = DEFAULT_STORE,
    form: Annotated[Form, typer.Option("--format", help="The output format.")] = Form.table,
) -> None:
    """List the events of an installation, a person, an identifier or a caller, oldest first.

    With --app: who changed the application's settings and keys, sent pushes, and ran the store.

    In a pipe the columns are: position, time in UTC, event, actor, stream (whose event it is), and
    the event's fields. With --format jsonl each line is an object with position, event, at, actor,
    stream, correlation_id and data.

        addressee history --msisdn +385991111666

        addressee history --installation tablet-1 --format jsonl

        addressee history --app shop
    """
    options = {
        "installation": installation,
        "person": person,
        "external_id": external_id,
        "msisdn": msisdn,
        "email": email,
        "actor": actor,
        "app": app_code,
    }
    given = [(kind, value) for kind, value in options.items() if value is not None]
    if len(given) != 1:
        names = ", ".join(f"--{kind.replace('_', '-')}" for kind in options)
        raise InvalidValue("history", f"takes one of {names}")
    with existing_store(store) as ledger:
        queries.show_history(ledger, *given[0], as_json=form is Form.jsonl)


@app.command()
def who(
    installation: Annotated[str, typer.Argument(help="An installation's id.")],
    at: Annotated[
        str | None,
        typer.Option(help="The time in ISO 8601, in UTC if no zone is given; now if omitted."),
    ] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """Print the id of the person who was on an installation at a time, or "nobody".

    addressee who tablet-1 --at 2026-11-23T10:30:00Z
    """
    moment: datetime | None = None if at is None else values.moment("at", at)
    with existing_store(store) as ledger:
        typer.echo(History(ledger).who(installation, moment) or "nobody")


@app.command()
def serve(  # noqa: PLR0913 # the command's options
    store: Store = DEFAULT_STORE,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="The number of processes.")] = 1,
    senders: pushes.Senders = None,
    *,
    cors_origin: service.CorsOrigins = None,
    traces: Traces = False,
    portal: service.Portal = True,
    portal_http: service.PortalHttp = False,
    portal_oidc: service.PortalOidc = None,
    replica: service.Replicas = None,
    remote_apply: service.RemoteApply = False,
) -> None:
    """Serve mobile SDKs and backends over HTTP until SIGTERM or Ctrl-C.

    Only applications that `addressee app add` configured may use it; the store is created if it
    is new. OpenAPI is at /openapi.json, liveness at /v1/health, readiness at /v1/ready. With
    --senders each process also sends pushes, as `addressee dispatch --follow` does. Operators
    sign in at /portal with a key of `addressee app key --scope admin`, support, marketing or read;
    browsers keep their session over TLS alone, or with --portal-http without it. With
    --portal-oidc they also sign in at an identity provider.

        addressee serve --store sqlite:///shop.db --port 8000
    """
    service.serve_store(
        *(store, host, port, workers, senders),
        cors_origins=cors_origin or (),
        traces=traces,
        portal=portal,
        portal_http=portal_http,
        portal_oidc=portal_oidc,
        replicas=replica or (),
        remote_apply=remote_apply,
    )


def main() -> None:
    """Run the command line; every error is one line on standard error."""
    escape_unencodable()
    try:
        app()
    except SystemExit as ended:
        # Typer makes a closed pipe status 1, which here means that something was refused.
        if isinstance(ended.__context__, BrokenPipeError):
            sys.exit(CLOSED_PIPE)
        raise
    except AddresseeError as error:
        hint = f"; {HINT}" if isinstance(error, StoreSealed) else ""
        typer.echo(f"addressee: {error.code}: {one_line(error)}{hint}", err=True)
        sys.exit(UNUSABLE)
    except OSError as error:  # a full disk, for example
        typer.echo(f"addressee: {one_line(error.strerror or error)}", err=True)
        sys.exit(UNUSABLE)
