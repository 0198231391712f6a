"""Behind a pooler that lends a session of the server a transaction at a time."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from addressee.adapters.http_client import Client
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Identity, Personalization, Targeting, issue_key, verify
from addressee.domain import AddresseeError, InvalidValue, MobileApp, StoreUnavailable
from tests import command_line
from tests.servers import Pgbouncer, Postgres, http_server, pgbouncer_server

pytestmark = pytest.mark.pgbouncer

THREADS = 8
SESSIONS = 3
"""Fewer than there are threads, so that each session serves many of them."""


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Generator[Pgbouncer]:
    with pgbouncer_server(postgres, SESSIONS) as running:
        yield running


@pytest.fixture
def pooled_url(pooler: Pgbouncer, postgres: Postgres) -> str:
    return pooler.url(postgres.new_database())


def work(store: SqlStore, thread: int, rounds: int) -> None:
    people, reach = Personalization(store), Targeting(store)
    for n in range(rounds):
        name = f"{thread}-{n}"
        phone = people.register("shop", installation=name, os="ios").installation
        people.personalize(phone, Identity(external_id=name), tags={f"t{n}"})
        assert list(reach.targets("shop", f'external_id:"{name}"')) == [phone]
        people.depersonalize(phone)
        assert reach.count("shop", f'external_id:"{name}"') == 0


def test_commands_and_queries_work_behind_a_pooler(pooled_url: str, *, long: bool) -> None:
    rounds = 250 if long else 12
    with SqlStore(f"{pooled_url}?prepare_threshold=none", statement_timeout=60) as store:
        with ThreadPoolExecutor(THREADS) as threads:
            for done in [threads.submit(work, store, n, rounds) for n in range(THREADS)]:
                done.result()
        assert Rebuild(store).run() == store.last()
        assert verify(store).differences == ()
        assert Targeting(store).count("shop", "all") == THREADS * rounds
    # The sessions go on to serve others.
    url = make_url(pooled_url)
    for _ in range(SESSIONS):
        with psycopg.connect(
            host="127.0.0.1", port=url.port, user="postgres", dbname=url.database
        ) as other:
            assert other.execute("show statement_timeout").fetchone() == ("0",)


@pytest.mark.every_case
def test_the_service_works_behind_a_pooler(pooled_url: str, tmp_path: Path) -> None:
    rounds, url = 250, f"{pooled_url}?prepare_threshold=none"
    with SqlStore(url) as store:
        store.applications.put(MobileApp(code="shop"))
        key = issue_key(store.applications, "shop", "backend")

        def work(thread: int) -> None:
            with Client(served.url, key, timeout=60) as client:
                for n in range(rounds):
                    name = f"{thread}-{n}"
                    audience = f'external_id:"{name}"'
                    phone = client.command("register", os="ios")["installation"]
                    person = {"external_id": name}
                    client.command("personalize", installation=phone, identity=person, tags=["t"])
                    assert [*client.targets(audience)] == [phone]
                    client.command("depersonalize", installation=phone)
                    assert client.count(audience) == 0

        with http_server(url) as served, ThreadPoolExecutor(THREADS) as threads:
            running = [threads.submit(work, n) for n in range(THREADS)]
            while not all(done.done() for done in running):
                rebuilt = command_line.run("rebuild", "--store", url, folder=tmp_path)
                assert rebuilt.returncode == 0, rebuilt.stderr
            for done in running:
                done.result()
        verified = command_line.run("verify", "--store", url, folder=tmp_path)
        assert verified.returncode == 0, verified.stdout
        assert Targeting(store).count("shop", "all") == THREADS * rounds


def test_what_a_pooler_breaks_names_the_setting_and_no_damage(pooled_url: str) -> None:
    with SqlStore(f"{pooled_url}?prepare_threshold=1") as store:

        def attempt(thread: int) -> list[AddresseeError]:
            found: list[AddresseeError] = []
            for n in range(15):
                try:
                    Personalization(store).register("shop", installation=f"{thread}-{n}")
                except AddresseeError as error:
                    found.append(error)
            return found

        with ThreadPoolExecutor(THREADS) as threads:
            errors = [e for found in threads.map(attempt, range(THREADS)) for e in found]
    assert errors, "the pooler lets prepared statements through: the test shows nothing"
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert any("prepare_threshold=none" in str(error) for error in errors)


def test_an_impossible_threshold_is_refused(pooled_url: str) -> None:
    for wrong in ("never", "0", "-1"):
        with pytest.raises(InvalidValue, match="prepare_threshold"):
            SqlStore(f"{pooled_url}?prepare_threshold={wrong}")
