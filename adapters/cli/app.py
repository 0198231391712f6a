"""The commands' names, arguments and help; what they do is in the files beside."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from addressee.adapters.serialization.commands_by_name import moment_of
from addressee.application import History
from addressee.domain import AddresseeError, InvalidValue

from .commands import applications, operations, seals, transfers
from .commands import queries as questions
from .commands.apply import apply_file, opened
from .commands.serve import serve_store
from .terminal.output import one_line
from .terminal.store_option import DEFAULT_STORE, Store, existing_store, opened_store

SOME_REFUSED = 1
UNUSABLE = 2

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Know who is logged in on which device, whom a push reaches, and who it was.",
)


class Format(StrEnum):
    """How installations are printed."""

    table = "table"
    jsonl = "jsonl"
    ids = "ids"


def show_version(wanted: bool) -> None:  # noqa: FBT001 # typer's callback
    """Print the version and leave."""
    if wanted:
        typer.echo(version("addressee"))
        raise typer.Exit


app.add_typer(applications.commands, name="app")
for command in (
    operations.rebuild,
    operations.verify,
    seals.seal,
    transfers.export,
    transfers.fill,
    operations.compact,
    operations.migrate,
):
    name = "import" if command is transfers.fill else None
    app.command(name, rich_help_panel="For operators")(command)


@app.callback()
def addressee(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Know who is logged in on which device, whom a push reaches, and who it was."""


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="Commands or traffic, a JSON object a line.")],
    store: Store = DEFAULT_STORE,
    report: Annotated[
        Path | None, typer.Option(help="Write what became of each line here, as JSON lines.")
    ] = None,
) -> None:
    """Apply commands from a file, one JSON object a line.

    A line is a command, `{"command": "personalize", "installation": "i1", "identity":
    {"external_id": "ali"}}`, with the arguments of the Python method of that name, and `at` for
    when it happened. Or it is a request of a mobile SDK as recorded, with `method`, `path`,
    `headers` and `body`.

    A line that is refused changes nothing; it is reported with its number and the error. Exit
    status: 0 all applied, 1 some refused, 2 the file can't be used.

        addressee apply docs/day.jsonl --store sqlite:///day.db --report day-report.jsonl
    """
    # The file first: one that can't be read leaves no new store behind.
    with opened(file, "rb") as lines, opened_store(store) as ledger:
        refused = apply_file(ledger, lines, report)
    raise typer.Exit(SOME_REFUSED if refused else 0)


@app.command()
def target(  # noqa: PLR0913 # one argument for each way to ask
    expression: Annotated[str, typer.Argument(help="For example: tag:vip and not os:ios")],
    app_code: Annotated[str, typer.Option("--app", help="The application's code.")],
    store: Store = DEFAULT_STORE,
    *,
    count: Annotated[bool, typer.Option("--count", help="Print how many, alone.")] = False,
    preview: Annotated[int | None, typer.Option(help="Print only the first so many.")] = None,
    explain: Annotated[
        str | None, typer.Option(help="Say why this installation is reached, or is not.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say how it would be worked out, and ask nothing.")
    ] = False,
    primary: Annotated[bool, typer.Option("--primary", help="Primary installations only.")] = False,
    disabled: Annotated[
        bool, typer.Option("--all", help="Also installations with a push flag off.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(help="Ask how it was: a time in ISO 8601, or a position in the ledger."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """Ask whom a push to an audience reaches, or would have reached.

    Terms: external_id: msisdn: email: tag: itag: os: language: app_version: type: installation:
    attr.NAME: iattr.NAME: and the words all and primary; segment: with the name of a saved one.
    Operators: and or not ( ), also && || !. Odd values stand in double quotes.

        addressee target 'email:ali@x.com' --app shop --primary

        addressee target 'tag:vip and not os:ios' --app shop --count

        addressee target 'tag:vip' --app shop --as-of 2026-11-23T10:30:00Z
    """
    with existing_store(store) as ledger:
        asked = ledger if as_of is None else questions.looked_back(ledger, as_of)
        question = questions.Question(asked, app_code, expression, disabled, primary)
        if explain is not None:
            questions.show_explanation(question, explain, as_json=form is Format.jsonl)
        elif plan:
            questions.show_plan(question, as_json=form is Format.jsonl)
        elif count:
            typer.echo(question.count())
        else:
            questions.show_targets(question, preview, form.value)


@app.command()
def history(  # noqa: PLR0913, PLR0917 # one option for each thing that has a history
    installation: Annotated[str | None, typer.Option(help="An installation's id.")] = None,
    person: Annotated[str | None, typer.Option(help="A person's id.")] = None,
    external_id: Annotated[str | None, typer.Option(help="Who held this external id?")] = None,
    msisdn: Annotated[str | None, typer.Option(help="Who held this phone number?")] = None,
    email: Annotated[str | None, typer.Option(help="Who held this e-mail address?")] = None,
    actor: Annotated[str | None, typer.Option(help="Who asked, such as backend:billing.")] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """Show what happened to an installation or a person, who held an identifier, who did what.

    addressee history --msisdn +385991111666
    """
    asked = {
        "installation": installation,
        "person": person,
        "external_id": external_id,
        "msisdn": msisdn,
        "email": email,
        "actor": actor,
    }
    given = [(kind, value) for kind, value in asked.items() if value is not None]
    if len(given) != 1:
        names = ", ".join(f"--{kind.replace('_', '-')}" for kind in asked)
        raise InvalidValue("history", f"takes one of {names}")
    with existing_store(store) as ledger:
        questions.show_history(ledger, *given[0])


@app.command()
def who(
    installation: Annotated[str, typer.Argument(help="An installation's id.")],
    at: Annotated[str | None, typer.Option(help="When; ISO 8601, UTC if no zone is given.")] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """Say who was on an installation at a moment; prints nobody where it was nobody.

    addressee who tablet-1 --at 2026-11-23T10:30:00Z
    """
    moment: datetime | None = None if at is None else moment_of(at)
    with existing_store(store) as ledger:
        typer.echo(History(ledger).who(installation, moment) or "nobody")


@app.command()
def serve(
    store: Store = DEFAULT_STORE,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=256, help="How many processes.")] = 1,
) -> None:
    """Serve mobile SDKs and backends over HTTP.

    Who may speak is laid down with `addressee app add`; OpenAPI is at /openapi.json.

        addressee serve --store sqlite:///shop.db --port 8000
    """
    serve_store(store, host, port, workers)


def main() -> None:
    """Run the command line; every refusal is one line on stderr."""
    try:
        app()
    except AddresseeError as error:
        typer.echo(f"addressee: {error.code}: {one_line(error)}", err=True)
        sys.exit(UNUSABLE)
    except BrokenPipeError:
        # Who read our output has had enough; Python would complain once more at its exit.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        # A disk that is full, a report that can't be written to its end.
        typer.echo(f"addressee: {one_line(error.strerror or error)}", err=True)
        sys.exit(UNUSABLE)
