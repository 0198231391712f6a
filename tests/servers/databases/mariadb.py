"""A real MariaDB, from PATH, for no Python package carries one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pymysql
import pytest

from ..ports import free_port

START_SECONDS = 60
HOW_TO_GET = (
    "MariaDB is not on this machine and no Python package carries it: install it (on Debian "
    "`apt-get install mariadb-server`; it need not run), or put mariadbd and mariadb-install-db "
    "on PATH"
)


HASTY = ("--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=2")
"""What commits then survives a server that is killed, but no loss of power."""


class MariaDB:
    """A server of its own, with a data folder that goes when it goes."""

    def __init__(self, folder: Path, server: str, installer: str) -> None:
        self._folder = folder
        self._server = server
        self._installer = installer
        self._data = folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        """Start the server, if it does not run."""
        if self._process is not None:
            return
        owner = ["--user=root"] if os.geteuid() == 0 else []
        # A server that starts, the installer's too, removes what others have in the same folder.
        own_folder = {**os.environ, "TMPDIR": str(self._folder)}
        with (self._folder / "log").open("ab") as log:
            if not self._data.exists():
                made = subprocess.run(
                    [
                        *(self._installer, "--no-defaults", f"--datadir={self._data}"),
                        *("--auth-root-authentication-method=normal", "--skip-test-db", *owner),
                    ],
                    stdout=log,
                    stderr=log,
                    env=own_folder,
                    check=False,
                )
                if made.returncode:
                    pytest.fail(f"MariaDB makes no database:\n{self._told()}")
            self._process = subprocess.Popen(
                [
                    *(self._server, "--no-defaults", f"--datadir={self._data}", *owner),
                    *("--bind-address=127.0.0.1", f"--port={self.port}", "--max-connections=200"),
                    *HASTY,
                    *(f"--socket={self._folder}/socket", f"--pid-file={self._folder}/pid"),
                ],
                stdout=log,
                stderr=log,
                env=own_folder,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect().close()
            except pymysql.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    pytest.fail(f"MariaDB ends at once:\n{self._told()}")
                time.sleep(0.05)
            else:
                return

    def _told(self) -> str:
        return (self._folder / "log").read_text()[-2000:]

    def stop(self) -> None:
        """End the connections that are open, and the server."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End the server at once, as a loss of power would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def new_database(self) -> str:
        """Return the SQLAlchemy URL of a database that nobody has used."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"create database {name}")
        return self.url(name)

    def url(self, database: str) -> str:
        # Without it the driver reads all of the system's certificates for each connection.
        return f"mariadb+pymysql://root@127.0.0.1:{self.port}/{database}?ssl_disabled=true"

    def _connect(self) -> pymysql.Connection:
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", ssl_disabled=True)


@contextlib.contextmanager
def mariadb_server() -> Generator[MariaDB]:
    """Start a server for a block of code and remove all of it afterwards; skip without one."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    server = shutil.which("mariadbd", path=path)
    installer = shutil.which("mariadb-install-db", path=path)
    if server is None or installer is None:
        pytest.skip(HOW_TO_GET)
    folder = Path(tempfile.mkdtemp(prefix="addressee-mariadb-"))
    running = MariaDB(folder, server, installer)
    try:
        running.start()
        yield running
    finally:
        running.kill()  # no need to write what goes with the folder
        shutil.rmtree(folder, ignore_errors=True)
