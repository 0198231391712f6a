"""Pushes from the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import nats
import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Message, Notifier, Personalization
from addressee.application.default_clock_and_ids import utc_now
from tests.acceptance.conftest import Run
from tests.forked import PIPE, forked
from tests.patience import PATIENCE
from tests.servers.sinks.brokers import Nats, broker

SENDERS = '[shop.fcm]\nkind = "recording"\npath = "sent.jsonl"\n'


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the default store of the test's folder, filled."""
    url = f"sqlite:///{tmp_path}/addressee.db"
    with SqlStore(url) as store:
        people = Personalization(store)
        for n in range(12):
            people.register("shop", installation=f"d{n}", push_token=f"t{n}")
        people.register("shop", installation="mute")
        people.personalize("d3", Identity(external_id="ali"), tags={"vip"}, set_primary=True)
        people.personalize("d4", Identity(external_id="ali"))
    return url


@pytest.fixture
def senders(tmp_path: Path) -> Path:
    file = tmp_path / "senders.toml"
    file.write_text(SENDERS)
    return file


def cells(output: str) -> dict[str, str]:
    return dict(line.split("\t")[:2] for line in output.splitlines())


@pytest.mark.usefixtures("url")
def test_a_dry_run_prints_how_many_and_whom(run: Run) -> None:
    told = run("push", "all", "--app", "shop", "--title", "Hi", "--dry-run")
    assert told.returncode == 0
    assert told.stdout.splitlines()[:2] == ["state\tdry_run", "recipients\t12"]
    assert "without_address\t1" in told.stdout
    assert "sample\td0" in told.stdout
    assert run("pushes").stdout == ""


@pytest.mark.usefixtures("url")
def test_a_push_is_sent_and_its_outcomes_are_printed(run: Run, senders: Path) -> None:
    arguments = ("--app", "shop", "--title", "Hi", "--text", "there", "--data", "n=1")
    told = run("push", "tag:vip", *arguments, "--primary", "--senders", str(senders))
    assert told.returncode == 0
    assert cells(told.stdout)["accepted"] == "1"
    [line] = (senders.parent / "sent.jsonl").read_text().splitlines()
    sent = json.loads(line)
    assert (sent["installation"], sent["address"], sent["service"]) == ("d3", "t3", "fcm")
    assert (sent["title"], sent["body"], sent["data"]) == ("Hi", "there", {"n": "1"})
    listed = run("pushes", "--app", "shop", "--format", "jsonl")
    [row] = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (row["state"], row["accepted"]) == ("done", 1)
    assert row["id"] in told.stderr
    forget = ("pushes", "--forget-before", "2099-01-01")
    assert "1 pushes would be deleted" in run(*forget, "--dry-run").stderr
    assert "0 pushes deleted" in run(*forget, "--app", "bank").stderr
    assert "1 pushes deleted" in run(*forget).stderr
    assert run("pushes").stdout == ""


@pytest.mark.usefixtures("url")
def test_what_is_recorded_for_later_is_dispatched(run: Run, senders: Path) -> None:
    told = run("push", "all", "--app", "shop", "--text", "x", "--later", "--format", "jsonl")
    made = json.loads(told.stdout)
    assert run("pushes", "--pause", made["id"]).stdout.split("\t")[3] == "paused"
    assert run("dispatch", made["id"], "--senders", str(senders)).returncode == 1
    assert run("pushes", "--resume", made["id"]).stdout.split("\t")[3] == "running"
    done = run("dispatch", "--senders", str(senders), "--format", "jsonl")
    assert (done.returncode, json.loads(done.stdout)["accepted"]) == (0, 12)
    assert len((senders.parent / "sent.jsonl").read_text().splitlines()) == 12
    assert run("dispatch", "--senders", str(senders)).returncode == 0


@pytest.mark.usefixtures("url")
def test_what_is_scheduled_is_listed_and_dispatched_when_it_is_due(run: Run, senders: Path) -> None:
    arguments = ("push", "all", "--app", "shop", "--text", "x", "--format", "jsonl", "--at")
    due, later = (
        json.loads(run(*arguments, at).stdout)
        for at in ("2026-11-23T09:00:00+01:00", (utc_now() + timedelta(days=1)).isoformat())
    )
    assert (due["state"], later["state"]) == ("running", "scheduled")
    [line] = run("pushes", "--scheduled").stdout.splitlines()
    assert (line.split("\t")[0], line.split("\t")[-1][:10]) == (
        later["id"],
        later["starts_at"][:10],
    )
    done = run("dispatch", "--senders", str(senders), "--format", "jsonl")
    assert [json.loads(each)["id"] for each in done.stdout.splitlines()] == [due["id"]]
    told = run(*arguments, "2026-11-27T09:00:00")
    assert told.returncode == 2
    assert "starts_at has no time zone: 2026-11-27T09:00:00" in told.stderr


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "can't be opened"),
        ("[shop", "is no TOML"),
        ("shop = 1", "senders: shop should be a table"),
        ("[shop]\nfcm = 1", "senders: shop.fcm should be a table"),
        ('[shop.fcm]\nkind = "secret"', "senders: shop.fcm.kind should be one of"),
        ('[shop.fcm]\nkind = "recording"', "senders: shop.fcm.path should be a text"),
        (
            '[shop.fcm]\nkind = "fcm"\ncredentials = "no.json"',
            "senders: shop.fcm.credentials names",
        ),
        ('[shop.fcm]\nkind = "fcm"\ncredentials = "wrong.toml"', "should name a JSON file"),
        (
            '[shop.apns]\nkind = "apns"\nenvironment = "test"',
            "should be one of production, sandbox",
        ),
        ('[shop.apns]\nkind = "apns"\nteam = "T"', "senders: shop.apns.key_id should be a text"),
        (
            '[shop.webpush]\nkind = "webpush"\nkey = "wrong.toml"\ncontact = "mailto:a@b.c"',
            "senders: shop.webpush.key should be a private key on P-256",
        ),
        (SENDERS + "rate = 0", "senders: shop.fcm.rate should be above 0"),
        (SENDERS + 'rate = "fast"', "senders: shop.fcm.rate should be a number"),
        (SENDERS + "secret = 1", "senders: shop.fcm.secret is no setting of recording"),
    ],
)
def test_a_wrong_senders_file_is_named(
    run: Run, url: str, tmp_path: Path, content: str | None, expected: str
) -> None:
    file = tmp_path / "wrong.toml"
    if content is not None:
        file.write_text(content)
    told = run("push", "all", "--app", "shop", "--text", "x", "--senders", str(file))
    assert told.returncode == 2
    assert expected in told.stderr
    with SqlStore(url) as store:
        assert Notifier(store, {}).dispatches() == []


@pytest.mark.usefixtures("url")
def test_what_is_missing_is_named(run: Run) -> None:
    push = ("push", "all", "--app", "shop")
    for arguments, expected in (
        ((*push, "--text", "x"), "senders is missing"),
        ((*push, "--later"), "message should have a title, a body or data"),
        ((*push, "--text", "x", "--later", "--data", "n"), "data should be NAME=VALUE"),
        (("push", "tag:", "--app", "shop", "--text", "x", "--later"), "column"),
        (("dispatch",), "senders is missing"),
        (("dispatch", "--senders", "x", "--queue-stream", "X"), "is for --queue"),
        (("pushes", "--cancel", "missing"), "UNKNOWN_DISPATCH"),
        (("pushes", "--dry-run"), "is for --forget-before"),
        (("pushes", "--forget-before", "once"), "forget_before"),
    ):
        told = run(*arguments)
        assert told.returncode == 2
        assert expected in told.stderr


def test_workers_of_a_queue_take_its_tickets_of_the_stream_that_is_named(
    run: Run, url: str, senders: Path
) -> None:
    with SqlStore(url) as store:
        made = Notifier(store, {}).dispatch("shop", "all", Message(body="x"))
    with broker(Nats) as server:
        worker = ("dispatch", "--follow", "--senders", str(senders), "--queue", server.url)
        told = run(*worker, "--queue-stream", "a.b")
        assert (told.returncode, "stream" in told.stderr) == (2, True)
        stream = ("--queue-stream", "MINE")
        with forked(*worker, *stream, folder=senders.parent, stdout=PIPE) as started:
            assert started.stdout is not None
            assert started.stdout.readline().startswith(made.id)
            started.terminate()
            started.wait(PATIENCE)
        assert asyncio.run(streams(server.url)) == ["MINE"]


async def streams(url: str) -> list[str | None]:
    connection = await nats.connect(url)
    found = await connection.jetstream().streams_info()
    await connection.close()
    return [each.config.name for each in found]


def test_a_cancelled_dispatch_ends_with_status_1(run: Run, url: str, senders: Path) -> None:
    with SqlStore(url) as store:
        notifier = Notifier(store, {})
        made = notifier.dispatch("shop", "all", Message(body="x"))
        notifier.cancel(made.id)
    assert run("dispatch", made.id, "--senders", str(senders)).returncode == 1
