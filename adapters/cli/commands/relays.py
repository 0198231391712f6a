"""`addressee relay`: facts to other services, and how far each sink is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from addressee.adapters.events.sinks_file import LEDGER, SinkSettings, read_sinks
from addressee.adapters.following import LedgerPages
from addressee.adapters.sql import SqlStore
from addressee.application import Relay, Sinks, SinkStatus, Tracing
from addressee.domain import InvalidValue

from ..options.store_option import DEFAULT_STORE, Store, existing_store, sending_store
from ..options.traces_option import Traces, tracing
from ..terminal.default_command import RUN, RunOrCommand
from ..terminal.operator import operator
from ..terminal.output import Form, show_json, show_table
from ..terminal.signals import stopped_by_signals

SOME_LEFT = 1

commands = typer.Typer(
    cls=RunOrCommand,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Send the ledger's facts to other services, and see how far each sink is.

    A file names the sinks: a TOML table for each, with `kind` file, webhook, nats, rabbitmq,
    redis or kafka.
    Every fact reaches every sink at least once, in order; a sink that fails delays no other.

        addressee relay bus crm --sinks sinks.toml --store sqlite:///shop.db

        addressee relay status --store sqlite:///shop.db

        addressee relay rewind crm --now
    """,
)

SINK = Annotated[str, typer.Argument(help="The sink's name.")]
FORM = Annotated[Form, typer.Option("--format", help="The output format.")]


@commands.command(RUN)
def run(
    names: Annotated[list[str], typer.Argument(metavar="SINK...", help="Tables of the file.")],
    store: Store = DEFAULT_STORE,
    *,
    sinks: Annotated[
        Path | None,
        typer.Option(envvar="ADDRESSEE_SINKS", help="The sinks' file, TOML: a table for each."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Send what there is, and end; for a scheduler.")
    ] = False,
    traces: Traces = False,
) -> None:
    """Send facts to sinks until SIGTERM or Ctrl-C; `relay SINK…` is short for it.

    Any number of processes may run for one sink: one works, the others wait. A sink that is new
    begins with the ledger's first fact, unless `relay rewind SINK --now` was called before. With
    --once the exit status is 1 if a sink does not have everything.

        addressee relay bus --sinks sinks.toml

        addressee relay bus crm --sinks sinks.toml --once
    """
    if sinks is None:
        raise InvalidValue("sinks", "is missing: give --sinks")
    settings, recorded = read_sinks(sinks, names), tracing(asked=traces)
    with sending_store(store) as ledger:
        relays = {name: relay_on(ledger, name, each, recorded) for name, each in settings.items()}
        try:
            if once:
                for relay in relays.values():
                    relay.catch_up()
                    relay.release()
            else:
                run_all(list(relays.values()))
        finally:
            for relay in relays.values():
                relay.close()
        if once:
            found = [Sinks(ledger).status(name) for name in relays]
            show_all(found, Form.table)
            raise typer.Exit(SOME_LEFT if any(each.behind or each.dead for each in found) else 0)


def relay_on(
    ledger: SqlStore, name: str, settings: SinkSettings, recorded: Tracing | None
) -> Relay:
    """Return the relay of a sink: of facts, or of the whole ledger for stores that follow it."""
    if settings.options.get("data") == LEDGER:
        return Relay(ledger, name, settings.sink, tracing=recorded, pages=LedgerPages(ledger))
    return Relay(ledger, name, settings.sink, tracing=recorded, **settings.options)


def run_all(relays: list[Relay]) -> None:
    """Run relays, each in a thread of its own, until a signal ends them."""
    stop = stopped_by_signals()
    with ThreadPoolExecutor(len(relays)) as threads:
        running = [threads.submit(relay.run, stop) for relay in relays]
        for each in running:
            each.add_done_callback(lambda _: stop.set())  # whatever ends one ends the process
        typer.echo(f"relaying to {len(relays)} sinks", err=True)
        stop.wait()
        for relay in relays:
            relay.wake()
    for each in running:
        each.result()


@commands.command()
def status(
    name: Annotated[str | None, typer.Argument(metavar="[SINK]", help="Only this one.")] = None,
    store: Store = DEFAULT_STORE,
    form: FORM = Form.table,
) -> None:
    """Print how far sinks are.

    In a pipe the columns are sink, state (running, waiting, paused or closed), position in the
    ledger, positions that the ledger is ahead, age of the oldest event that the sink does not have
    in seconds, messages confirmed, attempts repeated, dead letters, and why it was closed.

        addressee relay status --format jsonl
    """
    with existing_store(store) as ledger:
        sinks = Sinks(ledger)
        show_all(sinks.all() if name is None else [sinks.status(name)], form)


@commands.command()
def dead(name: SINK, store: Store = DEFAULT_STORE, form: FORM = Form.table) -> None:
    """List the facts that a sink did not take: position, reason, time, and whether to send again.

    addressee relay dead crm
    """
    with existing_store(store) as ledger:
        letters = Sinks(ledger).dead_letters(name)
        if form is Form.jsonl:
            for letter in letters:
                show_json(letter._asdict())
            return
        rows = (
            (str(each.position), each.reason, each.at.isoformat(timespec="seconds"), again)
            for each in letters
            for again in ("resend" if each.resend else "",)
        )
        show_table(("position", "reason", "at", ""), rows)


@commands.command()
def resend(
    name: SINK,
    positions: Annotated[
        list[int] | None, typer.Argument(metavar="[POSITION]...", help="Of the letters.")
    ] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """Have the relay send dead letters again, all or those at some positions.

    The relay that runs, or the next one, sends them before anything else.

        addressee relay resend crm 1207 1311
    """
    with existing_store(store) as ledger:
        count = Sinks(ledger, actor=operator()).resend(name, positions or None)
    typer.echo(f"{count} to send again")


@commands.command()
def rewind(
    name: SINK,
    store: Store = DEFAULT_STORE,
    *,
    to: Annotated[
        int | None, typer.Option(min=0, help="Go on behind this position; 0 sends everything.")
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Go on with what happens from now on.")
    ] = False,
    form: FORM = Form.table,
) -> None:
    """Move a sink to another position of the ledger; facts that it had go out again.

    Consumers that use the inbox of `addressee.adapters.events` take each fact once all the same.

        addressee relay rewind bus --to 0
    """
    if (to is None) != now:
        raise InvalidValue("rewind", "takes one of --to and --now")
    change(store, lambda sinks: sinks.rewind(name, to), form)


@commands.command()
def pause(name: SINK, store: Store = DEFAULT_STORE, form: FORM = Form.table) -> None:
    """Have no relay send to a sink until it is resumed."""
    change(store, lambda sinks: sinks.pause(name), form)


@commands.command()
def resume(name: SINK, store: Store = DEFAULT_STORE, form: FORM = Form.table) -> None:
    """Go on with a sink that was paused, or closed by an answer of its own such as 410."""
    change(store, lambda sinks: sinks.resume(name), form)


def change(store: str, act: Callable[[Sinks], SinkStatus], form: Form) -> None:
    """Do something with a sink and print how far it is."""
    with existing_store(store) as ledger:
        show_all([act(Sinks(ledger, actor=operator()))], form)


def show_all(found: Iterable[SinkStatus], form: Form) -> None:
    """Print sinks, one a line."""
    if form is Form.jsonl:
        for each in found:
            show_json(asdict(each))
        return
    headings = ("sink", "state", "position", "behind", "oldest s", "sent", "retried", "dead")
    rows = (
        (
            *(each.name, each.state, str(each.position), str(each.behind), f"{each.oldest:.0f}"),
            *(str(each.sent), str(each.retried), str(each.dead), each.problem or ""),
        )
        for each in found
    )
    show_table((*headings, "problem"), rows)
