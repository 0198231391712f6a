"""`addressee follow`: a store of its own that follows the ledger of another one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from addressee.adapters.following import Follower, FollowerStatus, Promotion
from addressee.adapters.sql import SqlStore
from addressee.domain import InvalidValue

from ..options.store_option import DEFAULT_STORE, Store, existing_store, opened_store
from ..terminal.default_command import RUN, RunOrCommand
from ..terminal.identifier_key_file import HexFile, read_key
from ..terminal.output import Form, show_json, show_table
from ..terminal.progress import long_work
from ..terminal.signals import stopped_by_signals

commands = typer.Typer(
    cls=RunOrCommand,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Have a store follow the ledger of another one, elsewhere, and promote it.

    At the source a relay publishes the whole ledger to a stream of NATS: a table of the sinks' file
    with `kind = "nats"` and `data = "ledger"`. Here each event is copied at its position, audiences
    and history are answered as of there, and commands fail with STORE_FOLLOWS.

        addressee relay ledger --sinks sinks.toml --store postgresql+psycopg://…/source

        addressee follow LEDGER --servers nats://nats:4222 --key-file ledger.key --store sqlite:///copy.db

        addressee follow status LEDGER --servers nats://nats:4222 --store sqlite:///copy.db

        addressee follow promote LEDGER --servers nats://nats:4222 --store sqlite:///copy.db
    """,
)

STREAM = Annotated[str, typer.Argument(help="The stream's name.")]
SERVERS = Annotated[
    list[str] | None,
    typer.Option(envvar="ADDRESSEE_NATS", help="The URL of a NATS server; may be repeated."),
]
CREDENTIALS = Annotated[
    Path | None, typer.Option(help="A file with credentials, as `nsc` writes it.")
]
FORM = Annotated[Form, typer.Option("--format", help="The output format.")]


@commands.command(RUN)
def run(  # noqa: PLR0913 # the command's options
    stream: STREAM,
    store: Store = DEFAULT_STORE,
    servers: SERVERS = None,
    credentials: CREDENTIALS = None,
    key_file: HexFile = None,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Take what there is, and end; for a scheduler.")
    ] = False,
    form: FORM = Form.table,
) -> None:
    """Follow until SIGTERM or Ctrl-C; `follow STREAM` is short for it.

    The store is created if it is new; it needs the identifier key of the source once, which
    `addressee export --key-file` writes. A sealed ledger stays sealed: give the keys of the source,
    or a copy of its key store. Any number of processes may follow for one store: one works, the
    others wait. Where the stream does not go on with the ledger it ends with status 2, and the
    store stays as it was.

        addressee follow LEDGER --servers nats://nats:4222 --key-file ledger.key --store sqlite:///copy.db
    """
    key = None if key_file is None else read_key(key_file)
    with opened_store(store) as copy, follower_on(copy, stream, servers, credentials, key) as one:
        if not once:
            typer.echo(f"following {stream}", err=True)
            one.run(stopped_by_signals())
            return
        with long_work("following") as advance:
            one.catch_up(lambda position: advance(position, 0))
        show_status(one.status(), form)


@commands.command()
def status(
    stream: STREAM,
    store: Store = DEFAULT_STORE,
    servers: SERVERS = None,
    credentials: CREDENTIALS = None,
    form: FORM = Form.table,
) -> None:
    """Print how far the store is.

    In a pipe the columns are state (following or promoted), position in the ledger as of which the
    store answers, when the stream got that event, last position in the stream, positions that the
    stream is ahead, and for how many seconds the next event is there. How far the source is ahead
    of the stream says `addressee relay status` there.

        addressee follow status LEDGER --servers nats://nats:4222 --format jsonl
    """
    with existing_store(store) as copy, follower_on(copy, stream, servers, credentials) as follower:
        show_status(follower.status(), form)


@commands.command()
def promote(  # noqa: PLR0913 # the command's options
    stream: STREAM,
    store: Store = DEFAULT_STORE,
    servers: SERVERS = None,
    credentials: CREDENTIALS = None,
    *,
    alone: Annotated[
        bool, typer.Option("--alone", help="Do not ask the stream, which is gone as well.")
    ] = False,
    form: FORM = Form.table,
) -> None:
    """Have the store take commands of its own, for good, and print what it has of its source.

    It takes first all that the stream has. Every command is in it whose events came up to the
    position that is printed; which ones the source has confirmed behind it, nobody knows here. End
    the source before, and never let it take commands again: both would give out the same positions.

        addressee follow promote LEDGER --servers nats://nats:4222 --store sqlite:///copy.db
    """
    with existing_store(store) as copy, follower_on(copy, stream, servers, credentials) as follower:
        show_promotion(follower.promote(alone=alone), form)


@contextmanager
def follower_on(
    store: SqlStore,
    stream: str,
    servers: list[str] | None,
    credentials: Path | None,
    key: bytes | None = None,
) -> Generator[Follower]:
    """Open a follower; raises InvalidValue where no server is named, or NATS is not installed."""
    if not servers:
        raise InvalidValue("servers", "is missing: give --servers")
    try:
        from addressee.adapters.following.jetstream_consumer import (  # noqa: PLC0415 # an extra
            JetStreamLedger,
        )
    except ImportError:
        raise InvalidValue("follow", "needs more: pip install 'addressee[nats]'") from None
    options: dict[str, Any] = {}
    if credentials is not None:
        options["user_credentials"] = str(credentials)
    source = JetStreamLedger(servers, stream, **options)
    try:
        yield Follower(store, source, key=key)
    finally:
        source.close()


def show_status(found: FollowerStatus, form: Form) -> None:
    """Print how far a follower is."""
    if form is Form.jsonl:
        show_json(asdict(found))
        return
    at = "" if found.at is None else found.at.isoformat(timespec="seconds")
    row = (found.state, str(found.position), at, str(found.published), str(found.behind))
    headings = ("state", "position", "at", "published", "behind", "lag s")
    show_table(headings, [(*row, f"{found.lag:.0f}")])


def show_promotion(done: Promotion, form: Form) -> None:
    """Print what a promoted store has of its source."""
    if form is Form.jsonl:
        show_json(asdict(done))
        return
    at = "" if done.at is None else f", which the stream got at {done.at:%Y-%m-%dT%H:%M:%SZ}"
    typer.echo(f"promoted: it has every event of the source up to position {done.position}{at}")
    if done.published is None:
        rest = "what the stream had behind it, and what the source has confirmed since, is unknown"
    elif done.published > done.position:
        rest = f"behind it the stream has half of a command, up to {done.published}; it is left out"
    else:
        rest = "what the source has confirmed behind it is unknown: it never came to the stream"
    typer.echo(rest)
