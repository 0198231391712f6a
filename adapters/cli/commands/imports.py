"""`addressee import --from`: the devices and persons of another system."""

from __future__ import annotations

import os
from contextlib import closing
from enum import StrEnum
from pathlib import Path

import typer

from addressee.adapters.imports.vendors import FORMATS, Import, Options, Report
from addressee.application import Personalization

from ..terminal.files import STANDARD, opened
from ..terminal.output import show_json
from ..terminal.progress import BYTES, ROWS, long_work
from ..terminal.store_option import opened_store


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
            typer.echo(f"{number:>9,}  {title}: {reason}")
    typer.echo(f"{report.rows:>9,}  rows of {report.records:,} records")
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
