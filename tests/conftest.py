"""Real database servers, one of each for all tests; and how thorough these are."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = False  # first, or each worker compiles what this file imports

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from addressee.adapters.sql import SqlStore
from tests.cases import take_turns
from tests.servers import (
    LentDatabases,
    LentFiles,
    MariaDB,
    Postgres,
    mariadb_server,
    postgres_server,
)

FOLDER = Path(__file__).parent
MEMORY, ROOM = Path("/dev/shm"), 8 << 30  # noqa: S108 # where names that nobody can guess are made
"""A file system in memory, and how many bytes of it must be free to be used."""

LEFT_OUT = {"every_case", "only_long"}
"""The marks of tests that are left out by default."""

# No example fails because the machine is slow.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25
)
settings.register_profile("thorough", settings.get_profile("patient"), max_examples=100)


def pytest_configure(config: pytest.Config) -> None:
    """Have what is compiled kept, and databases in memory, where there is room for them.

    Hundreds of processes that tests start would else compile all libraries anew, which takes
    several seconds each; to make and remove the files of databases takes long, too.
    """
    settings.load_profile("thorough" if config.getoption("--long") else "patient")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    programs = not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    if programs and shutil.disk_usage(MEMORY).free > ROOM:
        tempfile.tempdir = str(MEMORY)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="more rounds of the tests that look for rare moments"
    )
    parser.addoption(
        "--every-case",
        action="store_true",
        help="each test on every store and in each of its cases, as --long does, in no more rounds",
    )
    parser.addoption("--short", action="store_true", help="fewer rounds of the same")
    parser.addoption(
        "--followed",
        type=int,
        help="how many installations followers copy from a cluster of three, by --long 20,000",
    )
    parser.addoption(
        "--http-cases",
        type=int,
        default=150,
        help="how many requests are made up from OpenAPI, for all callers together",
    )
    parser.addoption(
        "--http-answers",
        type=int,
        default=30,
        help="how many logins and logouts must succeed before, between and after two kills",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that have more rounds, so that `-m long` chooses them.

    Without --long and --every-case, cases are left out that others of their kind stand for.
    """
    take_turns(items, f"{config.getoption('-m')} {config.getoption('-k')}")
    wanted = {"every_case"} if config.getoption("--every-case") else set[str]()
    wanted |= LEFT_OUT if config.getoption("--long") else set()
    left_out: list[pytest.Item] = []
    kept: list[pytest.Item] = []
    for item in items:
        marks = LEFT_OUT.intersection(mark.name for mark in item.iter_markers())
        if marks or has_more_rounds(item):
            item.add_marker(pytest.mark.long)
        (kept if marks <= wanted else left_out).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


def has_more_rounds(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and (
        "long" in item.fixturenames or is_hypothesis_test(item.obj)
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Have the collector of garbage wait, and then pass over modules and tests: they stay."""
    gc.disable()
    try:
        load_own_share(session.config)
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def load_own_share(config: pytest.Config) -> None:
    """Have each worker begin with other files than the others, if it is to load all of them.

    In a new clone nothing is compiled. All workers would compile the same files at the same time,
    in 25 seconds of a processor each; so each finds compiled what the others have begun with.
    """
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None or config.args != config.getini("testpaths"):
        return
    number, workers = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    paths = sorted(FOLDER.rglob("test_*.py"))
    first, last = (len(paths) * n // workers for n in (number, number + 1))
    for path in paths[first:last]:
        with suppress(Exception):  # collecting tells of it
            import_module(".".join(path.relative_to(FOLDER.parent).with_suffix("").parts))


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def short(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--short"))


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def stoppable_postgres(postgres: Postgres) -> Generator[Postgres]:
    """Return the server, which runs again afterwards even if the test has stopped it."""
    yield postgres
    postgres.start()


@pytest.fixture(scope="session")
def mariadb() -> Generator[MariaDB]:
    with mariadb_server() as server:
        yield server


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a store without events: to copy it is faster than to make its tables."""
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    with SqlStore(f"sqlite:///{path}"):
        return path


@pytest.fixture(scope="session")
def lent_sqlite(empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> LentFiles:
    return LentFiles(empty_sqlite, tmp_path_factory.mktemp("lent"))


@pytest.fixture(scope="session")
def lent_postgres(postgres: Postgres) -> Generator[LentDatabases]:
    with closing(LentDatabases(postgres)) as databases:
        yield databases


@pytest.fixture(scope="session")
def lent_mariadb(mariadb: MariaDB) -> Generator[LentDatabases]:
    with closing(LentDatabases(mariadb)) as databases:
        yield databases
