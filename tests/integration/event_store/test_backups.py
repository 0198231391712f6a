"""A backup with the tools of each database is a whole store (docs/operating.md)."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting, verify
from addressee.domain import MobileApp
from tests.patience import Progress
from tests.servers import Postgres

PEOPLE = 20


def copy_sqlite(source: str, target: str, _: Path) -> None:
    with closing(sqlite3.connect(make_url(source).database or "")) as database:
        database.execute("VACUUM INTO ?", (make_url(target).database,))


def copy_postgres(source: str, target: str, binaries: Path) -> None:
    before, after = (url.replace("+psycopg", "") for url in (source, target))
    dump = subprocess.run([binaries / "pg_dump", before], capture_output=True, check=True).stdout
    restore = [str(binaries / "psql"), "--quiet", "--set=ON_ERROR_STOP=1", after]
    subprocess.run(restore, input=dump, capture_output=True, check=True)


def copy_mariadb(source: str, target: str, binaries: Path) -> None:
    def words(program: str, url: str) -> list[str]:
        parts = make_url(url)
        address = ["--host=127.0.0.1", f"--port={parts.port}", "--user=root"]
        return [str(binaries / program), "--no-defaults", *address, parts.database or ""]

    command = words("mariadb-dump", source)
    command.insert(2, "--single-transaction")
    dump = subprocess.run(command, capture_output=True, check=True).stdout
    subprocess.run(words("mariadb", target), input=dump, capture_output=True, check=True)


COPIES = {"sqlite": copy_sqlite, "postgresql": copy_postgres, "mariadb": copy_mariadb}


@pytest.fixture
def binaries(request: pytest.FixtureRequest, url: str) -> Path:
    """Return the folder of the database's own tools."""
    if url.startswith("postgresql"):
        server: Postgres = request.getfixturevalue("postgres")
        return server._binaries
    return Path(shutil.which("mariadb-dump") or "").parent


def test_a_backup_while_commands_run_is_a_whole_store(
    url: str, new_url: Callable[[], str], binaries: Path
) -> None:
    store, copy = SqlStore(url), new_url()
    people = Personalization(store)
    store.applications.put(MobileApp(code="shop", device_cap=3))
    for number in range(PEOPLE):
        phone = people.register("shop", os="ios", push_token=f"token-{number}").installation
        people.personalize(phone, Identity(external_id=str(number)), tags={"vip"})
    people.define_segment("shop", "mine", "tag:vip and os:ios")
    seal = store.seal()
    assert seal is not None

    def go_on(late: Progress) -> None:
        while not late.over:
            phone = people.register("shop").installation
            people.personalize(phone, Identity(external_id=f"late-{phone}"))
            late.add()

    with ThreadPoolExecutor() as pool, closing(Progress()) as late:
        writing = pool.submit(go_on, late)
        late.wait_for(1, "commands")
        COPIES[url.partition("+")[0].partition(":")[0]](url, copy, binaries)
        late.wait_for(1, "commands")
    writing.result()
    store.close()

    with SqlStore(copy, create=False) as restored:
        assert verify(restored).differences == ()
        assert Targeting(restored).count("shop", "segment:mine") == PEOPLE
        assert restored.applications.get("shop") == MobileApp(code="shop", device_cap=3)
        last = restored.last()
        assert last >= seal.last
        assert Personalization(restored).register("shop").position > last
        assert verify(restored).differences == ()
