"""`addressee push`, `pushes` and `dispatch`: messages that go out, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from addressee.adapters.push.senders_file import read_senders
from addressee.adapters.sql import SqlStore
from addressee.application import DispatchStatus, Message, Notifier
from addressee.domain import InvalidValue, values

from ..options.store_option import DEFAULT_STORE, Store, existing_store, sending_store
from ..options.work_queue_option import work_queue
from ..terminal.operator import operator
from ..terminal.output import Form, show_json, show_table
from ..terminal.progress import PUSHES, long_work

NOT_DONE = 1
OUTCOMES = ("accepted", "dead", "rejected", "unknown", "not_sent", "without_address")

Senders = Annotated[
    Path | None,
    typer.Option(
        envvar="ADDRESSEE_SENDERS", help="The senders' file, TOML: a table [app.service] for each."
    ),
]
FORM = Annotated[Form, typer.Option("--format", help="The output format.")]


def push(  # noqa: PLR0913 # one option for each part of a message
    expression: Annotated[str, typer.Argument(help="For example: tag:vip and primary")],
    app_code: Annotated[str, typer.Option("--app", help="The application's code.")],
    store: Store = DEFAULT_STORE,
    *,
    title: Annotated[str | None, typer.Option(help="The notification's title.")] = None,
    text: Annotated[str | None, typer.Option(help="The notification's text.")] = None,
    data: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for the app; may be repeated.")
    ] = None,
    ttl: Annotated[int | None, typer.Option(help="Seconds that services keep it.")] = None,
    normal: Annotated[
        bool, typer.Option("--normal-priority", help="Do not wake devices up.")
    ] = False,
    collapse: Annotated[
        str | None, typer.Option("--collapse-key", help="Replaces the last with the same key.")
    ] = None,
    primary: Annotated[bool, typer.Option("--primary", help="Only primary installations.")] = False,
    disabled: Annotated[
        bool, typer.Option("--all", help="Also installations with a push flag off.")
    ] = False,
    resend_unknown: Annotated[
        bool, typer.Option("--resend-unknown", help="Send batches of unknown outcome again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing; print how many it would reach.")
    ] = False,
    later: Annotated[
        bool, typer.Option("--later", help="Only record it, for `addressee dispatch` to send.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(help="Only record it, to be sent from then on: ISO 8601 with its zone."),
    ] = None,
    senders: Senders = None,
    form: FORM = Form.table,
) -> None:
    """Send a message to the installations that an audience reaches, and print the outcomes.

    Each batch is checked against the audience as it leaves: nobody who was logged out before is
    sent to, and nobody twice. After Ctrl-C, `addressee dispatch ID` goes on. Exit status: 0 done
    (or recorded, or tried), 1 paused or cancelled, 2 it could not run.

        addressee push 'tag:vip' --app shop --title Sale --text Today --at 2026-11-27T09:00:00+01:00

        addressee push 'tag:vip and primary' --app shop --title Sale --text 'Today only' --dry-run

        addressee push 'tag:vip' --app shop --title Sale --text Today --senders senders.toml
    """
    message = Message(
        title=title,
        body=text,
        data=dict(pair(each) for each in data or ()),
        ttl=ttl,
        priority="normal" if normal else "high",
        collapse_key=collapse,
    )
    if not (dry_run or later or at or senders):
        raise InvalidValue("senders", "is missing: give --senders, --later, --at or --dry-run")
    audience = f"({expression}) and primary" if primary else expression
    with sending_store(store) as ledger:
        notifier = notifier_on(ledger, senders) if senders else Notifier(ledger, {})
        made = notifier.dispatch(
            app_code,
            audience,
            message,
            include_disabled=disabled,
            resend_unknown=resend_unknown,
            dry_run=dry_run,
            starts_at=at,
            actor=operator(),
        )
        if not dry_run:
            typer.echo(f"dispatch {made.id}", err=True)
        if dry_run or later or at:
            show_one(made, form)
            return
        show_one(ran(notifier, made.id), form)


def pushes(  # noqa: PLR0913 # one option for each thing to do
    store: Store = DEFAULT_STORE,
    *,
    app_code: Annotated[str | None, typer.Option("--app", help="Only of this application.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Print at most so many.")] = 20,
    pause: Annotated[str | None, typer.Option(help="Pause this dispatch.")] = None,
    resume: Annotated[str | None, typer.Option(help="Resume this dispatch.")] = None,
    cancel: Annotated[str | None, typer.Option(help="Cancel this dispatch.")] = None,
    scheduled: Annotated[
        bool, typer.Option("--scheduled", help="Those that start later alone, the first first.")
    ] = False,
    forget_before: Annotated[
        str | None,
        typer.Option(help="Delete those that have ended, and were made before (ISO 8601)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --forget-before: only count them.")
    ] = False,
    form: FORM = Form.table,
) -> None:
    """List dispatches, newest first; pause, resume or cancel one; or delete old ones for good.

    One that is scheduled starts at its time, can be cancelled before, and can't be paused.

    Texts, audiences and outcomes of pushes are kept until --forget-before deletes them.

    addressee pushes --app shop

    addressee pushes --pause 4f1c

    addressee pushes --forget-before 2026-08-28 --dry-run
    """
    with existing_store(store) as ledger:
        notifier = Notifier(ledger, {})
        if forget_before is not None:
            before = values.moment("forget_before", forget_before)
            count = notifier.forget(before, application=app_code, dry_run=dry_run, actor=operator())
            typer.echo(f"{count:,} pushes {'would be deleted' if dry_run else 'deleted'}", err=True)
            return
        if dry_run:
            raise InvalidValue("dry_run", "is for --forget-before")
        changes = ((pause, notifier.pause), (resume, notifier.resume), (cancel, notifier.cancel))
        changed = [change(name, actor=operator()) for name, change in changes if name is not None]
        listed = notifier.scheduled if scheduled else notifier.dispatches
        show_all(changed or listed(app_code, limit), form)


def dispatch(  # noqa: PLR0913 # the command's options
    dispatch_id: Annotated[
        str | None,
        typer.Argument(help="The dispatch; by default all that run, of the senders' applications."),
    ] = None,
    store: Store = DEFAULT_STORE,
    senders: Senders = None,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on, and wait for further dispatches.")
    ] = False,
    queue: Annotated[
        list[str] | None,
        typer.Option(help="With --follow: the URL of a NATS server; may be repeated."),
    ] = None,
    queue_stream: Annotated[
        str | None, typer.Option(help="With --queue: the stream, if not ADDRESSEE_DISPATCHES.")
    ] = None,
    queue_credentials: Annotated[
        Path | None,
        typer.Option(help="With --queue: a file with credentials, as `nsc` writes it."),
    ] = None,
    form: FORM = Form.table,
) -> None:
    """Send dispatches that were recorded or interrupted; any number of processes may.

    With --follow a batch of each goes out in turn, and each is printed when it ends. With --queue
    the processes, on any machines, get batches from a work queue of NATS. Who is sent to, the store
    decides all the same; processes with and without a queue may share a dispatch. Exit status: 0
    done, 1 paused, cancelled or scheduled for later, 2 it could not run.

        addressee dispatch --follow --senders senders.toml

        addressee dispatch --follow --queue nats://nats:4222 --senders senders.toml
    """
    if senders is None:
        raise InvalidValue("senders", "is missing: give --senders")
    if follow and dispatch_id is not None:
        raise InvalidValue("follow", "sends every dispatch; leave out the one, or --follow")
    if queue and not follow:
        raise InvalidValue("queue", "is for --follow")
    for name, given in (("queue_stream", queue_stream), ("queue_credentials", queue_credentials)):
        if given is not None and not queue:
            raise InvalidValue(name, "is for --queue")
    with sending_store(store) as ledger:
        notifier = notifier_on(ledger, senders)
        if follow:
            with work_queue(queue, queue_stream, queue_credentials) as tickets:
                notifier.serve(Event(), lambda each: show_all([each], form), queue=tickets)
        wanted = [dispatch_id] if dispatch_id else notifier.running()
        done = [ran(notifier, each) for each in wanted]
        show_all(done, form)
    raise typer.Exit(NOT_DONE if any(each.state != "done" for each in done) else 0)


def notifier_on(ledger: SqlStore, senders: Path) -> Notifier:
    """Return a notifier with the senders of a file; raises InvalidValue."""
    read = read_senders(senders)
    return Notifier(ledger, read.transports, rates=read.rates)


def ran(notifier: Notifier, dispatch_id: str) -> DispatchStatus:
    """Run a dispatch with a progress bar."""
    sent = 0
    with long_work("sending", PUSHES) as advance:

        def progress(count: int) -> None:
            nonlocal sent
            sent += count
            advance(sent, 0)

        return notifier.run(dispatch_id, progress)


def show_one(status: DispatchStatus, form: Form) -> None:
    """Print a dispatch with its outcomes, and exit with 1 if it did not come to its end."""
    if form is Form.jsonl:
        show_json(asdict(status))
    else:
        rows = [("state", status.state), ("recipients", str(status.recipients))]
        rows += [(name, str(getattr(status, name))) for name in OUTCOMES]
        rows += [("problem", status.problem)] if status.problem else []
        rows += [("starts", status.starts_at.isoformat())] if status.starts_at else []
        rows += [("sample", name) for name in status.sample]
        show_table(("outcome", "installations"), rows)
    if status.state in {"paused", "cancelled"}:
        raise typer.Exit(NOT_DONE)


def show_all(found: Iterable[DispatchStatus], form: Form) -> None:
    """Print dispatches, one a line."""
    if form is Form.jsonl:
        for status in found:
            show_json(asdict(status))
        return
    headings = (
        *("dispatch", "application", "created", "state", "recipients", *OUTCOMES),
        *("problem", "starts"),
    )
    show_table(
        headings,
        (
            (
                each.id,
                each.application,
                each.created_at.isoformat(timespec="seconds"),
                each.state,
                str(each.recipients),
                *(str(getattr(each, name)) for name in OUTCOMES),
                each.problem or "",
                "" if each.starts_at is None else each.starts_at.isoformat(timespec="seconds"),
            )
            for each in found
        ),
    )


def pair(given: str) -> tuple[str, str]:
    """Return name and value of ``NAME=VALUE``; raises InvalidValue."""
    name, equals, value = given.partition("=")
    if not equals:
        raise InvalidValue("data", "should be NAME=VALUE")
    return name, value
