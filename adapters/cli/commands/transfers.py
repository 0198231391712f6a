"""`addressee export` and `addressee import`: ledgers in files, and devices of other systems."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from addressee.adapters.imports.vendors import FORMATS, Import, Options, Report
from addressee.adapters.ledger_files import opened_days, opened_sink, opened_source
from addressee.adapters.ledger_files.jsonl import JsonLinesSource, jsonl_sink
from addressee.adapters.sql import SqlStore
from addressee.application import (
    Heading,
    Personalization,
    Sink,
    Source,
    export_facts,
    export_ledger,
    import_ledger,
)
from addressee.domain import InvalidValue

from ..options.store_option import (
    DEFAULT_STORE,
    Store,
    existing_store,
    filled_store,
    opened_store,
    trial_store,
)
from ..terminal.files import STANDARD, opened, refuse_standard
from ..terminal.identifier_key_file import HexFile, read_key, write_key
from ..terminal.ledger_keys_file import keys_beside, take_keys
from ..terminal.output import show_json
from ..terminal.progress import BYTES, ROWS, long_work

SHARED = (
    "the ledger is sealed, and shares its keys with the store that it comes from: an erasure in "
    "either destroys the data in both, unless this key store is a copy"
)
LedgerFile = Annotated[
    Path,
    typer.Argument(
        help="Parquet if its name ends with .parquet, otherwise JSON Lines; - is a pipe. With "
        "--by-day a folder."
    ),
]


class System(StrEnum):
    """The systems that devices can be imported from."""

    onesignal = "onesignal"
    pinpoint = "pinpoint"
    airship = "airship"
    braze = "braze"
    parse = "parse"
    django_push_notifications = "django-push-notifications"
    fcm_django = "fcm-django"
    infobip = "infobip"


class ReportForm(StrEnum):
    """The output format of a report."""

    text = "text"
    json = "json"


class ApnsEnvironment(StrEnum):
    """Which of Apple's two services knows the tokens."""

    production = "production"
    sandbox = "sandbox"


def export(  # noqa: PLR0913 # the command's options
    file: LedgerFile,
    store: Store = DEFAULT_STORE,
    *,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Write the identifier key into the file.")
    ] = False,
    key_file: HexFile = None,
    keys_file: Annotated[
        Path | None,
        typer.Option(help="A new file for the keys of a sealed ledger, wrapped as before."),
    ] = None,
    by_day: Annotated[
        bool, typer.Option("--by-day", help="Add what is new to a folder of Parquet files by day.")
    ] = False,
    personal: Annotated[
        bool,
        typer.Option(
            "--personal",
            help="With --by-day: also identifiers, attributes, tags and device facts, in clear; "
            "a folder is written with or without them, and an erasure does not reach its files.",
        ),
    ] = False,
) -> None:
    """Write the whole ledger to a file that other programs can read.

    A store that is filled from the file needs the identifier key. With the key anybody can test
    whether the ledger has an identifier, so keep it apart: in a file of its own (--key-file), or
    in the ledger's file only where that is as well guarded as the store (--with-key).

        addressee export ledger.jsonl --key-file ledger.key --store sqlite:///day.db

    A sealed ledger stays sealed. Its keys are not in the file: a store that shares the key store
    can be filled from it, or another one with --keys-file, which wants the same wrapping key.

        addressee export - | zstd > ledger.jsonl.zst

    With --by-day: for analytics. Each run adds files with what has happened since the last one, a
    row a fact, and changes none; one that was killed is made good by the next. Persons and devices
    are ids, which is enough to count by. --personal adds what is known of them in clear, of a
    sealed store too. No later erasure removes it from the files: remove them, or delete the folder
    and export it again.

        addressee export facts --by-day --store sqlite:///day.db

        addressee export facts-with-names --by-day --personal --store sqlite:///day.db
    """
    if by_day:
        if with_key or key_file is not None or keys_file is not None:
            raise InvalidValue("by_day", "is no ledger to import, and goes with no keys")
        refuse_standard(file)
        export_days(file, store, personal=personal)
        return
    if personal:
        raise InvalidValue("personal", "goes with --by-day: a ledger has it anyway")
    make: Callable[[Heading], AbstractContextManager[Sink]] = lambda heading: (  # noqa: E731
        jsonl_sink(sys.stdout.buffer, heading) if file == STANDARD else opened_sink(file, heading)
    )
    with (
        existing_store(store) as ledger,
        nullcontext(make) if keys_file is None else keys_beside(make, keys_file, ledger) as to,
    ):
        if key_file is not None:
            write_key(key_file, ledger.identifier_key)
        with long_work("exporting") as advance:
            end = export_ledger(ledger, to, with_key=with_key, progress=advance)
    done = f"exported {end.events:,} events up to position {end.last}"
    typer.echo(done, err=file == STANDARD)


def export_days(folder: Path, store: str, *, personal: bool) -> None:
    """Add a store's new facts to a folder, and say how many there are."""
    with existing_store(store) as ledger, long_work("exporting") as advance:
        added = export_facts(
            ledger, partial(opened_days, folder), personal=personal, progress=advance
        )
    done = f"rows added: {added.rows:,}, of positions {added.first} to {added.last}"
    typer.echo(done if added.first <= added.last else "there is nothing new")


def fill(  # noqa: PLR0913 # the command's options
    file: Annotated[
        Path,
        typer.Argument(
            help="A ledger: Parquet if its name ends with .parquet, otherwise JSON Lines. Or, with "
            "--from, another system's export, gzip or not. - is a pipe."
        ),
    ],
    store: Store = DEFAULT_STORE,
    *,
    key_file: HexFile = None,
    keys_file: Annotated[
        Path | None, typer.Option(help="The file with the keys of a sealed ledger.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read all of the file and write to no store.")
    ] = False,
    system: Annotated[
        System | None, typer.Option("--from", help="The system that the devices come from.")
    ] = None,
    app_code: Annotated[
        str | None, typer.Option("--app", help="With --from: the application's code.")
    ] = None,
    apns_environment: Annotated[
        ApnsEnvironment | None,
        typer.Option(help="With --from: of Apple's tokens, which most files do not tell."),
    ] = None,
    user_column: Annotated[
        str | None, typer.Option(help="With --from parse: the column with the person; user.")
    ] = None,
    form: Annotated[
        ReportForm, typer.Option("--format", help="With --from: the form of the report.")
    ] = ReportForm.text,
) -> None:
    """Fill an empty store with a ledger that `addressee export` wrote: all of it, or nothing.

    The store is created if it is new. It may be of another kind: this is the way from SQLite to
    PostgreSQL or MariaDB. If the import fails, a new SQLite file is removed; on a server the new
    tables stay, empty. A sealed ledger shares its keys with the store that it comes from: an
    erasure in either then destroys the data in both. With --keys-file it brings its keys along into
    a key store of its own, and the two have nothing to do with each other any more.

        addressee import ledger.jsonl --key-file ledger.key --store postgresql+psycopg://host/db

    With --from: add the devices and persons of another system to a store, new or not. The whole
    file is read before anything is written; rows that are skipped are counted by reason; the same
    file again changes nothing. Exit status: 0 all imported, 1 some rows were skipped.

        addressee import --from onesignal export.csv.gz --app shop --dry-run
    """
    if system is not None:
        if app_code is None or key_file is not None or keys_file is not None:
            raise InvalidValue("from", "needs --app, and takes no file with keys")
        environment = apns_environment and apns_environment.value
        options = Options(app_code, environment, user_column or "user")
        report = import_devices(file, system.value, options, store, dry_run=dry_run)
        show_report(report, form)
        raise typer.Exit(1 if report.skipped else 0)
    if app_code or apns_environment or user_column or form is not ReportForm.text:
        raise InvalidValue("from", "is missing: say which system the file comes from")
    key = None if key_file is None else read_key(key_file)
    source_file: AbstractContextManager[Source] = (
        nullcontext(JsonLinesSource(sys.stdin.buffer)) if file == STANDARD else opened_source(file)
    )
    with source_file as source:
        sealed = source.heading.sealed_as is not None
        if keys_file is not None and not sealed:
            raise InvalidValue("keys_file", "is for a sealed ledger, and this one is in clear")
        trial = trial_store(sealed=sealed, keys_file=keys_file)
        with trial if dry_run else filled_store(store) as ledger:
            if keys_file is not None and isinstance(ledger, SqlStore):
                take_keys(keys_file, ledger)
            with long_work("importing") as advance:
                end = import_ledger(ledger, source, key=key, progress=lambda done: advance(done, 0))
    done = "could import" if dry_run else "imported"
    typer.echo(f"{done} {end.events:,} events up to position {end.last}")
    if sealed and keys_file is None:
        typer.echo(SHARED, err=True)


def import_devices(
    path: Path, system: str, options: Options, store: str, *, dry_run: bool
) -> Report:
    """Import a file and return the report.

    The store is opened, and created if it is new, only once the whole file has been read.

    Raises:
        InvalidValue: the file or an option is refused; nothing was written.
    """
    with closing(Import(FORMATS[system], options, dry_run=dry_run)) as work:
        with opened(path, "rb") as file, long_work("reading", BYTES) as advance:
            size = 0 if path == STANDARD else os.fstat(file.fileno()).st_size

            def tell() -> None:
                advance(file.tell() if size else 0, size)

            work.read(file, tell)
        with long_work("importing", ROWS) as advance:
            if dry_run:
                return work.write(None, advance)
            with opened_store(store) as ledger:
                return work.write(Personalization(ledger), advance)


def show_report(report: Report, form: ReportForm) -> None:
    """Print a report."""
    content = report.as_json()
    if form is ReportForm.json:
        show_json(content)
        return
    verb = "would be imported" if report.dry_run else "imported"
    for title, counts in ((verb, report.imported), ("skipped", report.skipped)):
        for reason, number in sorted(counts.items()):
            first = report.first.get(reason) if counts is report.skipped else None
            where = "" if first is None else f", first in record {first:,}"
            typer.echo(f"{number:>9,}  {title}: {reason}{where}")
    typer.echo(f"{report.rows:>9,}  rows of {report.records:,} records")
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
