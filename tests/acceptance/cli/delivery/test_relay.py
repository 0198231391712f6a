"""Facts to other services from the command line (R42)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
from tests.acceptance.conftest import Run
from tests.forked import PIPE, forked
from tests.patience import wait_until

SINKS = """
[log]
kind = "file"
path = "facts.jsonl"

[crm]
kind = "webhook"
url = "https://127.0.0.1/hook"
secrets = ["whsec_AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="]
data = "none"
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the default store of the test's folder, filled."""
    (tmp_path / "sinks.toml").write_text(SINKS)
    url = f"sqlite:///{tmp_path}/addressee.db"
    with SqlStore(url) as store:
        people = Personalization(store)
        people.register("shop", installation="phone")
        people.personalize("phone", Identity(external_id="ali"))
    return url


def sent(folder: Path) -> list[str]:
    return [json.loads(line)["type"] for line in (folder / "facts.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("url")
def test_R42_facts_are_relayed_once_counted_and_sent_again(run: Run, tmp_path: Path) -> None:
    told = run("relay", "log", "--sinks", "sinks.toml", "--once")
    assert (told.returncode, told.stderr) == (0, "")
    types = sent(tmp_path)
    assert types[0] == "addressee.InstallationRegistered.v1"
    assert "addressee.DevicePersonalized.v1" in types
    assert run("relay", "log", "--sinks", "sinks.toml", "--once").returncode == 0
    assert sent(tmp_path) == types
    [row] = [json.loads(x) for x in run("relay", "status", "--format", "jsonl").stdout.splitlines()]
    assert (row["name"], row["behind"], row["sent"]) == ("log", 0, len(types))
    assert run("relay", "rewind", "log", "--to", "0").returncode == 0
    assert run("relay", "run", "log", "--sinks", "sinks.toml", "--once", "--traces").returncode == 0
    assert sent(tmp_path) == types * 2
    assert run("relay", "status", "log").stdout.split("\t")[5] == str(2 * len(types))


@pytest.mark.usefixtures("url")
def test_R42_a_sink_that_is_closed_is_told_and_resumed(run: Run) -> None:
    told = run("relay", "crm", "--sinks", "sinks.toml", "--once")
    assert told.returncode == 1
    assert "closed" in told.stdout
    assert "the endpoint's host is not allowed" in run("relay", "status", "crm").stdout
    assert "waiting" in run("relay", "resume", "crm").stdout
    assert "paused" in run("relay", "pause", "crm").stdout
    assert run("relay", "dead", "crm").stdout == ""
    assert run("relay", "resend", "crm").stdout == "0 to send again\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("log",), "sinks is missing"),
        (("log", "--sinks", "no.toml"), "can't be opened"),
        (("other", "--sinks", "sinks.toml"), "has no table other; there are: crm, log"),
        (("status", "other"), "UNKNOWN_SINK"),
        (("rewind", "log"), "takes one of --to and --now"),
        (("rewind", "log", "--to", "99999"), "position should be at most"),
    ],
)
@pytest.mark.usefixtures("url")
def test_what_can_not_be_done_is_one_line(
    run: Run, arguments: tuple[str, ...], problem: str
) -> None:
    told = run("relay", *arguments)
    assert told.returncode == 2
    assert problem in told.stderr
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('kind = "pigeon"', "sinks: x.kind should be one of file, webhook"),
        ('kind = "file"', "sinks: x.path should be a text"),
        ('kind = "file"\npath = "a"\nspeed = 3', "sinks: x.speed is no setting of file"),
        ('kind = "webhook"\nurl = "http://a"\nsecrets = []', "sinks: x.url should begin"),
        ('kind = "file"\npath = "a"\ndata = "some"', "data should be one of"),
        ("kind = ", "is no TOML"),
    ],
)
@pytest.mark.usefixtures("url")
def test_a_table_that_is_wrong_is_named(run: Run, tmp_path: Path, table: str, problem: str) -> None:
    (tmp_path / "own.toml").write_text(f"[x]\n{table}\n")
    told = run("relay", "x", "--sinks", "own.toml", "--once")
    assert told.returncode == 2
    assert problem in told.stderr


def test_R42_it_runs_until_a_signal_ends_it(url: str, tmp_path: Path) -> None:
    words = ("relay", "log", "--sinks", "sinks.toml", "--store", url)
    running = forked(*words, folder=tmp_path, stderr=PIPE)
    with SqlStore(url) as store:
        facts = len(store.sinks())
        wait_until((tmp_path / "facts.jsonl").exists, "the file")
        before = len(sent(tmp_path))
        Personalization(store).register("shop", installation="late")
        wait_until(lambda: len(sent(tmp_path)) > before, "another message")
    running.terminate()
    with running:
        assert running.stderr is not None
        errors = running.stderr.read()
    assert (running.wait(), errors) == (0, "relaying to 1 sinks\n")
    assert sent(tmp_path)[before:] == ["addressee.InstallationRegistered.v1"]
    assert facts <= 1
