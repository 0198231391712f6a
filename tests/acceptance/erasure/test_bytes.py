"""No byte of database, dump, export or log has a person's values, before or after an erasure.

The same search finds all of them in a store without keys.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq  # type: ignore[import-untyped] # it has no types
import pytest
from sqlalchemy import make_url

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.ledger_files import opened_days, opened_sink, opened_source
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    KeyStore,
    Notifier,
    export_facts,
    export_ledger,
    import_ledger,
    issue_key,
    verify,
)
from addressee.domain import MobileApp
from tests.acceptance.erasure.whole_life import (
    BY_HTTP,
    INDEXED,
    NAMED_BY_SEGMENTS,
    PUSHES,
    UNRECORDED,
    VALUES,
    live,
    live_over_http,
)
from tests.command_line import run
from tests.servers import http_server, mariadb_server, postgres_server
from tests.unmistakable import files_in, found_in

WRAPPING = bytes(range(32))


class Place(NamedTuple):
    """Where databases are made.

    Args:
        new_database: returns the URL of a new one.
        content: returns name → content of all that a database leaves, given its URL.
    """

    new_database: Callable[[], str]
    content: Callable[[str], Mapping[str, bytes]]


@contextmanager
def sqlite(folder: Path) -> Generator[Place]:
    numbers = iter(range(9))

    def content(url: str) -> Mapping[str, bytes]:
        file = Path(make_url(url).database or "")
        return {path.name: path.read_bytes() for path in file.parent.glob(f"{file.name}*")}

    yield Place(lambda: f"sqlite:///{folder}/ledger{next(numbers)}.db", content)


@contextmanager
def postgresql(_: Path) -> Generator[Place]:
    with postgres_server() as server:

        def content(url: str) -> Mapping[str, bytes]:
            with server._connect() as connection:
                connection.execute("CHECKPOINT")
            words = [str(server._binaries / "pg_dump"), url.replace("+psycopg", "")]
            return dumped(words) | in_folder(server._folder)

        yield Place(server.new_database, content)


@contextmanager
def mariadb(_: Path) -> Generator[Place]:
    with mariadb_server() as server:

        def content(url: str) -> Mapping[str, bytes]:
            parts = make_url(url)
            words = ["mariadb-dump", "--no-defaults", "--host=127.0.0.1", f"--port={parts.port}",
                     "--user=root", parts.database or ""]  # fmt: skip
            found = {**dumped(words), "hex": dumped([*words, "--hex-blob"])["dump"]}
            server.stop()  # it writes all of its pages
            found |= in_folder(server._folder)
            server.start()
            return found

        yield Place(server.new_database, content)


def dumped(words: list[str]) -> dict[str, bytes]:
    return {"dump": subprocess.run(words, capture_output=True, check=True).stdout}


def in_folder(folder: Path) -> dict[str, bytes]:
    """Return the files of a server: tables, logs of transactions, and what it says."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files_in(folder)
        if "postgres/" not in f"{path.relative_to(folder)}/"[:9]
    }


PLACES = {"sqlite": sqlite, "postgresql": postgresql, "mariadb": mariadb}


class World(NamedTuple):
    """A store in which the person has lived, and what is outside of it."""

    store: SqlStore
    url: str
    keys: SqlKeyStore | None
    environment: Mapping[str, str]
    person: str
    installations: list[str]
    log: bytes


@contextmanager
def lived(place: Place, folder: Path, *, sealed: bool) -> Generator[World]:
    """Yield a store in which the person has lived, by library and over HTTP."""
    url, environment = place.new_database(), dict[str, str]()
    with ExitStack() as stack:
        keys: SqlKeyStore | None = None
        if sealed:
            environment["ADDRESSEE_KEYS"] = place.new_database()
            environment["ADDRESSEE_WRAPPING_KEY"] = str(folder / "wrapping.key")
            (folder / "wrapping.key").write_text(WRAPPING.hex())
            keys = SqlKeyStore(environment["ADDRESSEE_KEYS"], wrapping_key=WRAPPING)
            stack.enter_context(keys)
        store = SqlStore(url, keys=keys, indexed_attributes=INDEXED)
        stack.enter_context(store)
        store.applications.put(MobileApp(code="shop"))
        key = issue_key(store.applications, "shop", "backend")
        person, installations = live(store)
        with http_server(url, environment=environment) as served:
            installations.append(live_over_http(served, key))
            log = served.log.read_bytes()
        assert log.count(b"\n") > len(BY_HTTP), "the service writes what it is asked"
        notifier = Notifier(store, {})
        assert len(notifier.dispatches("shop")) == 2
        yield World(store, url, keys, environment, person, installations, log)


def left_by(world: World, place: Place) -> Mapping[str, bytes]:
    """Return what the database leaves, whose server may stop meanwhile."""
    world.store.database.engine.dispose()
    if world.keys is not None:
        world.keys.database.engine.dispose()
    return place.content(world.url)


def exported(store: SqlStore, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield a store's exports; Parquet is compressed, so it is read."""
    for name in ("export.jsonl", "export.parquet"):
        path = folder / name
        path.unlink(missing_ok=True)
        export_ledger(store, partial(opened_sink, path), with_key=True)
        yield name, path.read_bytes()
    table = pq.read_table(folder / "export.parquet")
    yield "cells of Parquet", repr(table.to_pylist()).encode()
    days = folder / f"days of {store.identifier_key.hex()[:8]}"
    export_facts(store, partial(opened_days, days))
    for path in days.rglob("*.parquet"):
        yield f"cells of {path.name}", repr(pq.ParquetFile(path).read().to_pylist()).encode()


def traces(content: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Return name → values that stand in it, for all contents that have any."""
    found = {name: found_in(held, VALUES) for name, held in content.items()}
    return {name: held for name, held in found.items() if held}


def readable(backup: Path, keys: KeyStore | None) -> set[str]:
    """Return which values a ledger's backup gives to a reader with all keys that there are."""
    store = MemoryStore(keys=keys, indexed_attributes=INDEXED)
    with opened_source(backup) as source:
        import_ledger(store, source)
    with store.auditing() as audit:
        everything = [audit.events(0, 10_000), [*audit.rows()]]
    return {*found_in(repr(everything).encode(), VALUES)}


DATABASES = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.every_case),
    pytest.param("mariadb", marks=[pytest.mark.every_case, pytest.mark.mariadb]),
]


@pytest.mark.parametrize("database", DATABASES)
def test_R50_no_byte_has_a_persons_values_before_or_after_an_erasure(
    database: str, tmp_path: Path
) -> None:
    with PLACES[database](tmp_path) as place:
        with lived(place, tmp_path, sealed=True) as world:
            store = world.store
            assert store.compact()
            Rebuild(store).run()
            content = {**left_by(world, place), **dict(exported(store, tmp_path))}
            assert traces({**content, "log": world.log}) == {}
            backup = (tmp_path / "export.jsonl").rename(tmp_path / "backup.jsonl")

            words = ("erase", "--person", world.person, "--store", world.url)
            done = run(*words, folder=tmp_path, environment=world.environment)
            assert (done.returncode, json.loads(done.stdout)["done"]) == (0, True), done.stderr
            assert verify(store).differences == ()
            content = {**left_by(world, place), **dict(exported(store, tmp_path))}
            content |= {"certificate": done.stdout.encode(), "log": done.stderr.encode()}
            assert traces(content) == {}
            assert readable(backup, world.keys) == NAMED_BY_SEGMENTS
        with lived(place, tmp_path, sealed=False) as clear:
            found = {*found_in(b"".join(left_by(clear, place).values()), VALUES)}
            assert VALUES.keys() - found == UNRECORDED
            found = {*found_in(dict(exported(clear.store, tmp_path))["export.jsonl"], VALUES)}
            assert VALUES.keys() - found == UNRECORDED | PUSHES | {"failure"}
            assert found_in(clear.log, VALUES) == []
