"""A PostgreSQL primary and replicas of it, which follow by streaming replication."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.patience import wait_until

from .postgres import Postgres, postgres_server

QUICK = ("-c", "wal_retrieve_retry_interval=100ms", "-c", "wal_receiver_status_interval=1s")
"""A replica looks for its primary ten times a second."""


class Replica(Postgres):
    """A server that follows another one, from a copy of its data.

    Args:
        primary: the other one, which runs.
        name: under which the primary knows it.
    """

    def __init__(self, primary: Postgres, name: str) -> None:
        folder = primary._folder / name
        folder.mkdir()
        if primary._user is not None:
            os.chown(folder, primary._user, primary._user)
        super().__init__(folder, primary._binaries, primary._user, durable=False)
        self.name = name
        self._options = (*self._options, *QUICK, "-c", f"cluster_name={name}")
        self._run("pg_basebackup", "-D", str(self._data), "-d", primary.conninfo, "-R", *COPY)

    def promote(self) -> None:
        """Have it become a primary; returns when it takes commands."""
        self.execute("SELECT pg_promote()")

    def follow(self, primary: Postgres) -> None:
        """Have it follow another primary, which goes on where its own has ended."""
        self.execute(f"ALTER SYSTEM SET primary_conninfo = '{primary.conninfo}'")
        self.execute("SELECT pg_reload_conf()")

    def cut_off(self) -> None:
        """Have it follow no primary; returns once nothing reaches it any more."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.execute("SELECT pg_reload_conf()")
        receives = "SELECT count(*) FROM pg_stat_wal_receiver"
        wait_until(lambda: self.execute(receives) == [(0,)], "it follows nobody")

    def pause(self) -> None:
        """Have it receive, but no longer apply."""
        self.execute("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Have it apply what it has received."""
        self.execute("SELECT pg_wal_replay_resume()")


COPY = ("-X", "stream", "-c", "fast", "--no-sync", "--no-manifest")


@dataclass(frozen=True)
class Cluster:
    """A primary with its replicas."""

    primary: Postgres
    replicas: Sequence[Replica]

    def wait_for_applied(self, *names: str) -> None:
        """Have commits wait until the named replicas have applied them; without names, for none."""
        self.set_standbys(
            f"FIRST {len(names)} ({', '.join(names)})" if names else "",
            "remote_apply" if names else "on",
        )

    def set_standbys(self, standbys: str, commits: str = "remote_apply") -> None:
        """Set for which standbys commits wait, and how; returns once new sessions find it so."""
        self.primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'")
        self.primary.execute(f"ALTER SYSTEM SET synchronous_commit = '{commits}'")
        self.primary.execute("SELECT pg_reload_conf()")
        known = "SELECT current_setting('synchronous_standby_names')"
        state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
        wait_until(lambda: self.primary.execute(known) == [(standbys,)], "the setting is read")
        if standbys:
            wait_until(lambda: self.primary.execute(state)[0][0], "a standby is waited for")

    def multi_host(self, database: str) -> str:
        """Return the URL that names all servers, of which the primary is to be chosen."""
        hosts = "&".join(f"host=127.0.0.1:{each.port}" for each in (self.primary, *self.replicas))
        return f"postgresql+psycopg://postgres@/{database}?{hosts}&target_session_attrs=read-write"


@contextlib.contextmanager
def postgres_cluster(replicas: int = 2) -> Generator[Cluster]:
    """Start a primary and replicas for a block of code, and remove all of it afterwards."""
    with postgres_server() as primary:
        started: list[Replica] = []
        try:
            for number in range(1, replicas + 1):
                started.append(Replica(primary, f"replica{number}"))
                started[-1].start()
            yield Cluster(primary, started)
        finally:
            for each in started:
                each.kill()


def signal_all(server: Postgres, number: signal.Signals) -> None:
    """Send a signal to a server and to the processes that it has started."""
    pid = server.pid
    os.kill(pid, number)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), number)


__all__ = ["Cluster", "Replica", "postgres_cluster", "signal_all"]
