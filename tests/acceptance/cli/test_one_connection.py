"""No command of the command line asks for a second connection while it holds one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from addressee.adapters.cli.app import app
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.engine_factory import made_engine
from addressee.application import Identity, Personalization, issue_key
from addressee.domain import MobileApp
from tests.acceptance.conftest import LOGIN, REGISTER, write
from tests.one_connection import narrowed

GROUPS = ("app", "relay")
NEEDS_NONE = {"follow", "serve"}
"""They run until a signal ends them; what they do is tried by itself."""
SEALED_ONLY = {"erase", "erase-inactive", "rewrap"}
"""Need a sealed store: tests/integration/sealing tries them."""


# Not MariaDB: its DDL commits, so a rebuild guards the tables by a second connection.
@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    if request.param == "sqlite":
        return lambda name: f"sqlite:///{tmp_path}/{name}.db"
    server = request.getfixturevalue(request.param)
    return lambda _: server.new_database()


def merged(store: SqlStore) -> str:
    """Return the id of a merge; ``person-0`` and ``person-1`` can be merged, too."""
    numbers = itertools.count()
    people = Personalization(store, ids=lambda: f"person-{next(numbers)}")
    persons: list[str] = []
    for name in ("p0", "p1", "p2"):
        people.register("shop", installation=name)
        identity = Identity(emails=[f"{name}@x.com"])
        persons.append(people.personalize(name, identity).person)
    digest = people.preview_merge(persons[0], persons[2]).digest
    return people.merge(persons[0], persons[2], digest=digest).merge


def commands(folder: Path, other: str, key: str, merge: str) -> list[tuple[str, ...]]:
    """Return calls of every command, in an order in which they succeed."""
    write(folder / "f.jsonl", {**REGISTER, "push_token": "t"}, LOGIN)
    sent = json.dumps(f"{folder}/sent.jsonl")
    (folder / "senders.toml").write_text(f'[shop.fcm]\nkind = "recording"\npath = {sent}\n')
    facts = json.dumps(f"{folder}/facts.jsonl")
    (folder / "sinks.toml").write_text(f'[log]\nkind = "file"\npath = {facts}\n')
    (folder / "apps.toml").write_text("[applications.bank]\ndevice_cap = 2\n")
    target = ("target", "external_id:ali or primary", "--app", "shop")
    push = ("push", "all", "--app", "shop", "--text", "Hi")
    senders = ("--senders", f"{folder}/senders.toml")
    ledger = (f"{folder}/ledger.jsonl", "--key-file", f"{folder}/key")
    return [
        ("apply", f"{folder}/f.jsonl", "--report", f"{folder}/report"),
        ("app", "add", "shop", "--device-cap", "3", "--session-idle", "60"),
        ("app", "load", f"{folder}/apps.toml"),
        ("app", "revoke", key),
        ("app", "key", "shop", "--scope", "backend", "--rotate"),
        ("app", "end-sessions"),
        ("app", "list"),
        *((*target, *more) for more in ((), ("--count",), ("--plan",), ("--explain", "a"))),
        (*target, "--as-of", "1"),
        ("target", "all", "--app", "shpo"),
        ("history", "--installation", "a"),
        ("history", "--external-id", "ali"),
        ("history", "--actor", "device"),
        ("who", "a", "--at", "2026-11-23"),
        (*push, "--dry-run"),
        (*push, *senders),
        (*push, "--later"),
        ("dispatch", *senders),
        ("pushes",),
        ("relay", "run", "log", "--sinks", f"{folder}/sinks.toml", "--once"),
        *(("relay", each, "log") for each in ("status", "dead", "resend", "pause", "resume")),
        ("relay", "rewind", "log", "--to", "0"),
        ("subject", "--external-id", "ali", "--to", f"{folder}/ali.zip"),
        ("merge", "person-0", "person-1", "--dry-run"),
        ("unmerge", merge, "--dry-run"),
        ("unmerge", merge),
        ("expire-sessions", "--dry-run"),
        ("expire-sessions",),
        ("compact",),
        ("seal",),
        ("rekey", "--dry-run"),
        ("rekey",),
        ("verify",),
        ("rebuild",),
        ("migrate",),
        ("export", *ledger),
        ("import", *ledger, "--store", other),
    ]


def test_every_command_works_with_a_pool_of_one_connection(
    new_url: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, other = new_url("one"), new_url("other")
    with SqlStore(url) as store:
        store.applications.put(MobileApp(code="shop", device_cap=1, over_cap="evict"))
        key = issue_key(store.applications, "shop", "backend").partition(".")[0]
        merge = merged(store)
    opened: list[Engine] = []

    def narrow(target: str | URL) -> Engine:
        opened.append(narrowed(made_engine(target)))
        return opened[-1]

    monkeypatch.setattr("addressee.adapters.sql.engine.database.made_engine", narrow)
    monkeypatch.setenv("ADDRESSEE_URL", url)
    root = cast("TyperGroup", get_command(app))
    monkeypatch.setattr("typer.testing._get_command", lambda _: root)
    calls = commands(tmp_path, other, key, merge)
    for words in calls:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, (words, done.exception, done.output)
    assert len(opened) >= len(calls)
    tried = {words[:2] if words[0] in GROUPS else words[:1] for words in calls}
    groups = {name: cast("TyperGroup", root.commands[name]).commands for name in GROUPS}
    assert tried == {
        *((name,) for name in root.commands if name not in {*GROUPS, *NEEDS_NONE, *SEALED_ONLY}),
        *((name, each) for name, group in groups.items() for each in group),
    }
