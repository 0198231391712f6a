"""How a server of NATS is reached from the command line: URLs, names, and files of credentials."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from addressee.adapters.sql import SqlStore
from addressee.adapters.work_queue.jetstream import JetStreamQueue
from addressee.application import Personalization
from tests.acceptance.conftest import Run
from tests.forked import PIPE, forked
from tests.patience import PATIENCE, wait_until
from tests.servers.sinks.brokers import broker
from tests.servers.sinks.nats_accounts import NatsWithAccounts

SINKS = """
[copy]
kind = "nats"
servers = ["{url}"]
stream = "LEDGER"
subject = "ledger"
data = "ledger"
credentials = "{credentials}"
"""
SENDERS = '[shop.fcm]\nkind = "recording"\npath = "sent.jsonl"\n'


@pytest.fixture(scope="module")
def server() -> Generator[NatsWithAccounts]:
    with broker(NatsWithAccounts) as running:
        assert isinstance(running, NatsWithAccounts)
        yield running


def test_R59_relay_and_follower_reach_a_server_with_a_file_of_credentials(
    run: Run, server: NatsWithAccounts, tmp_path: Path
) -> None:
    sinks = tmp_path / "sinks.toml"
    source, copy = (("--store", f"sqlite:///{tmp_path}/{name}.db") for name in ("source", "copy"))
    with SqlStore(source[1]) as store:
        Personalization(store).register("shop", installation="phone", push_token="t")
        position = store.last()
    relay = ("relay", "copy", "--sinks", "sinks.toml", "--once", *source)
    for file, status in ((server.stranger, 1), (tmp_path / "none", 2), (server.credentials, 0)):
        sinks.write_text(SINKS.format(url=server.url, credentials=file))
        told = run(*relay)
        assert (told.returncode, "Traceback" in told.stderr) == (status, False), told.stderr
        assert (status != 2) or "credentials" in told.stderr
    assert run("export", "-", "--key-file", "key", *source).returncode == 0
    (tmp_path / "junk").write_text("junk")
    (tmp_path / "half").write_text(server.credentials.read_text()[:-70])
    whole = server.credentials.read_text()
    (tmp_path / "other end").write_bytes(whole.replace("\n", "\r\n").encode())
    follow = ("follow", "LEDGER", "--once", "--key-file", "key", "--servers", server.url, *copy)
    for name in ("none", "junk", "half", "other end", "."):
        told = run(*follow, "--credentials", name)
        assert (told.returncode, told.stderr.count("\n")) == (2, 1), told.stderr
        assert "credentials" in told.stderr
    strange = run(*follow, "--credentials", str(server.stranger))
    assert (strange.returncode != 0, "can't be reached" in strange.stderr) == (True, True)
    told = run(*follow, "--credentials", str(server.credentials))
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.split("\t")[:2] == ["following", str(position)]


def test_a_worker_reaches_its_queue_with_a_file_of_credentials(
    run: Run, server: NatsWithAccounts, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    SqlStore(store).close()
    (tmp_path / "senders.toml").write_text(SENDERS)
    worker = ("dispatch", "--store", store, "--senders", "senders.toml")
    told = run(*worker, "--queue-credentials", "x")
    assert (told.returncode, "is for --queue" in told.stderr) == (2, True)
    queue = (*worker, "--follow", "--queue", server.url, "--queue-credentials")
    told = run(*queue, "none")
    assert (told.returncode, "credentials" in told.stderr) == (2, True), told.stderr
    assert told.stderr.count("\n") == 1
    seen = JetStreamQueue(server.url, timeout=PATIENCE, user_credentials=str(server.credentials))
    streams = server.folder / "jetstream"
    with forked(*queue, str(server.credentials), folder=tmp_path, stderr=PIPE) as running:
        wait_until(lambda: [*streams.rglob("ADDRESSEE_DISPATCHES")], "the queue")
        running.terminate()
        running.wait(PATIENCE)
    seen.offer("store", "shop", "dispatch")
    assert seen.take("store", 5.0) is not None
    seen.close()


@pytest.mark.parametrize(
    "url", ["", "http://127.0.0.1:1", "nats://[::", "nats://host:port", "nats://", "nats://a b"]
)
def test_what_is_no_url_of_nats_is_refused(run: Run, tmp_path: Path, url: str) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    SqlStore(store).close()
    told = run("follow", "status", "LEDGER", "--servers", url, "--store", store)
    assert (told.returncode, told.stderr.count("\n")) == (2, 1), told.stderr
    assert "servers should be URLs" in told.stderr


def test_names_that_no_stream_can_have_are_refused(
    run: Run, server: NatsWithAccounts, tmp_path: Path
) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/store.db")
    SqlStore(store[1]).close()
    for name in ("A B.C", "", "a*", "n" * 256):
        told = run("follow", "status", name, "--servers", server.url, *store)
        assert (told.returncode, told.stderr.count("\n")) == (2, 1), told.stderr
        assert "stream should have" in told.stderr
    sinks = SINKS.format(url=server.url, credentials=server.credentials)
    for old, new in (
        ('"LEDGER"', '"A B"'),
        ('"ledger"\nd', '"a..b"\nd'),
        ('"ledger"\nd', '"a >"\nd'),
    ):
        (tmp_path / "sinks.toml").write_text(sinks.replace(old, new))
        told = run("relay", "copy", "--sinks", "sinks.toml", "--once", *store)
        assert (told.returncode, told.stderr.count("\n")) == (2, 1), told.stderr
        assert "should" in told.stderr


def test_R59_a_stream_that_is_not_there_is_named_and_waited_for(
    server: NatsWithAccounts, run: Run, tmp_path: Path
) -> None:
    store = ("--store", f"sqlite:///{tmp_path}/store.db")
    at = ("--servers", server.url, "--credentials", str(server.credentials))
    once = run("follow", "NOPE", "--once", *at, *store)
    assert (once.returncode != 0, "there is no stream NOPE" in once.stderr) == (True, True)
    with forked("follow", "NOPE", *at, *store, folder=tmp_path, stderr=PIPE) as follower:
        assert follower.stderr is not None
        lines = [follower.stderr.readline() for _ in range(2)]
        assert follower.poll() is None
        follower.terminate()
        assert follower.wait(PATIENCE) == 0
    assert "the follower waits: there is no stream NOPE" in str(lines[1])
