"""A store that follows another one's ledger, from the command line (R59)."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
from tests.acceptance.conftest import Run
from tests.forked import PIPE, forked
from tests.patience import PATIENCE, wait_until
from tests.servers.sinks.brokers import Broker, Nats, broker

SINKS = """
[copy]
kind = "nats"
servers = ["{url}"]
stream = "LEDGER"
subject = "ledger"
data = "ledger"

[wrong]
kind = "file"
path = "ledger.jsonl"
data = "ledger"
"""


@pytest.fixture(scope="module")
def server() -> Generator[Broker]:
    with broker(Nats) as running:
        yield running


def test_R59_a_ledger_is_followed_and_the_store_promoted(
    run: Run, server: Broker, tmp_path: Path
) -> None:
    (tmp_path / "sinks.toml").write_text(SINKS.format(url=server.url))
    source, copy = (("--store", f"sqlite:///{tmp_path}/{name}.db") for name in ("source", "copy"))
    with SqlStore(source[1]) as store:
        people = Personalization(store)
        people.register("shop", installation="phone", push_token="t")
        people.personalize("phone", Identity(external_id="ali"))
        position = store.last()
    wrong = run("relay", "wrong", "--sinks", "sinks.toml", "--once", *source)
    assert (wrong.returncode, "data" in wrong.stderr) == (2, True)
    assert run("relay", "copy", "--sinks", "sinks.toml", "--once", *source).returncode == 0
    assert run("export", "-", "--key-file", "key", *source).returncode == 0
    at = ("--servers", server.url)
    keyless = run("follow", "LEDGER", "--once", *at, *copy)
    assert (keyless.returncode, "IDENTIFIER_KEY_WRONG" in keyless.stderr) == (2, True)
    assert run("follow", "LEDGER", "--once", *copy).returncode == 2
    once = run("follow", "LEDGER", "--once", "--key-file", "key", *at, *copy)
    assert (once.returncode, once.stderr) == (0, "")
    assert once.stdout.split("\t")[:2] == ["following", str(position)]
    told = run("follow", "status", "LEDGER", "--format", "jsonl", *at, *copy)
    assert json.loads(told.stdout) | {"at": None} == {
        "state": "following",
        "position": position,
        "at": None,
        "published": position,
        "behind": 0,
        "lag": 0.0,
    }
    assert run("target", "external_id:ali", "--app", "shop", *copy).stdout.startswith("phone\t")
    (tmp_path / "late.jsonl").write_text('{"command": "depersonalize", "installation": "phone"}\n')
    refused = run("apply", "late.jsonl", *copy)
    assert refused.returncode != 0
    assert "STORE_FOLLOWS" in refused.stderr + refused.stdout
    follower = forked("follow", "LEDGER", *at, *copy, folder=tmp_path, stderr=PIPE)
    with follower:
        assert run("apply", "late.jsonl", *source).returncode == 0
        assert run("relay", "copy", "--sinks", "sinks.toml", "--once", *source).returncode == 0
        with SqlStore(copy[1]) as store:
            wait_until(lambda: store.last() > position, "the copy of a logout")
        follower.terminate()
        assert follower.wait(PATIENCE) == 0
    assert run("target", "external_id:ali", "--app", "shop", "--count", *copy).stdout == "0\n"
    promoted = run("follow", "promote", "LEDGER", *at, *copy)
    assert "it has every event of the source up to position" in promoted.stdout
    assert run("apply", "late.jsonl", *copy).returncode == 0
    assert run("verify", *copy).returncode == 0
