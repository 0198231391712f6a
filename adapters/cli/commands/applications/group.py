"""The group of commands `addressee app`."""

from __future__ import annotations

import typer

from .keys import end_sessions, key, revoke
from .listing import list_
from .settings import add, load

commands = typer.Typer(
    no_args_is_help=True,
    help="Configure the applications that may use `addressee serve`: policies and keys.",
)
for each in (add, load, key, revoke, end_sessions):
    commands.command()(each)
commands.command("list")(list_)
