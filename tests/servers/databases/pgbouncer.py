"""A real pgbouncer, from PATH, in front of a PostgreSQL; no Python package carries one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from ..ports import free_port
from .postgres import NOBODY, Postgres

START_SECONDS = 30
HOW_TO_GET = (
    "pgbouncer is not on this machine and no Python package carries it: install it (on Debian "
    "`apt-get install pgbouncer`; it need not run), or put pgbouncer on PATH"
)
SETTINGS = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
"""


class Pgbouncer:
    """Lends sessions of a server, a transaction at a time."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, behind: str) -> str:
        """Return the URL of a server's database as clients of the pooler write it."""
        name = behind.rpartition("/")[2]
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"


@contextlib.contextmanager
def pgbouncer_server(postgres: Postgres, sessions: int) -> Generator[Pgbouncer]:
    """Start a pooler for a block of code; skip without one.

    Args:
        postgres: the server.
        sessions: how many of the server's sessions it uses for one database.
    """
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    program = shutil.which("pgbouncer", path=path)
    if program is None:
        pytest.skip(HOW_TO_GET)
    folder = Path(tempfile.mkdtemp(prefix="addressee-pgbouncer-"))
    port = free_port()
    settings = folder / "settings.ini"
    settings.write_text(SETTINGS.format(server=postgres.port, port=port, sessions=sessions))
    folder.chmod(0o755)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, str(settings)],
            stdout=log,
            stderr=log,
            user=NOBODY if os.geteuid() == 0 else None,  # it refuses to run as root
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(
                    host="127.0.0.1", port=port, user="postgres", dbname="postgres"
                ).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or process.poll() is not None:
                    pytest.fail(f"pgbouncer ends at once:\n{(folder / 'log').read_text()[-2000:]}")
                time.sleep(0.05)
            else:
                break
        yield Pgbouncer(port)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
