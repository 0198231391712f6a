"""PostgreSQL's streaming replication: how far a server is, and whether commits wait for it.

A server is a point of a timeline: bytes of log since the cluster was made. Promotion begins another
timeline. What is committed on a primary is applied on its replicas in the order of the log.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from select import select
from typing import Any, NamedTuple

from sqlalchemy import Connection, exc
from sqlalchemy.engine import URL

from ..epochs import Identity
from .base import as_sqlalchemy

CONNECT_SECONDS = "2"
"""The shortest that libpq takes. A server that is stopped accepts connections and says nothing."""

BEGIN_VIEW = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
TIMELINE = (
    "CASE WHEN pg_is_in_recovery() THEN 0 ELSE"
    " ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int END"
)
"""A primary's timeline, right from the moment of its promotion: names of log files have it. The
control file has it only once the promotion's checkpoint has ended."""
STARTED = "SELECT 0, 0, extract(epoch FROM pg_postmaster_start_time())::text"
IDENTITY = (
    f"SELECT system_identifier, {TIMELINE}, extract(epoch FROM pg_postmaster_start_time())::text"  # noqa: S608 # our own text
    " FROM pg_control_system()"
)
SQLSTATE = ord("C")
"""libpq's name of the field of an error that has its code (PG_DIAG_SQLSTATE)."""
NOT_TOLD = {"42501", "42883", "0A000"}
"""Codes of a server that does not tell all of `IDENTITY`: no privilege, no such function, or not
on this engine."""
PRIMARY = (
    f"SELECT pg_is_in_recovery(), {TIMELINE},"
    " CASE WHEN pg_is_in_recovery() THEN 0 ELSE"
    " pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint END"
)
REPLICA = (
    "SELECT pg_is_in_recovery(),"
    " coalesce((SELECT received_tli FROM pg_stat_wal_receiver),"
    " (SELECT min_recovery_end_timeline FROM pg_control_recovery())),"
    " coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0)::bigint"
)
"""A role without `pg_read_all_stats` sees the timeline that the control file has, which can be
minutes older; so a replica that follows a new primary stays left out for longer, never shorter."""
NAME = (
    "SELECT coalesce((SELECT coalesce(substring(conninfo FROM '(?:^| )application_name=([^ ]+)'),"
    " nullif(current_setting('cluster_name'), ''), 'walreceiver') FROM pg_stat_wal_receiver"
    " WHERE conninfo IS NOT NULL), '')"
)
"""How a replica is called by its primary; "" for a role that may not know."""
COMMITS = (
    "SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names')"
)
WAITED_FOR = (
    "WITH setting AS"  # noqa: S608 # our own text
    " (SELECT current_setting('synchronous_standby_names') AS standbys),"
    " parsed AS (SELECT"
    " coalesce(substring(standbys FROM '([0-9]+) *\\('), '1')::int AS number,"
    " string_to_array(coalesce(substring(standbys FROM '\\((.*)\\)'), standbys), ',') AS names"
    " FROM setting)"
    " SELECT CASE WHEN current_setting('synchronous_commit') = 'remote_apply'"
    " AND number >= cardinality(names) AND NOT '*' = ANY (names)"
    " AND number >= (SELECT count(*) FROM pg_stat_replication WHERE sync_priority > 0)"
    " THEN coalesce((SELECT string_agg(application_name, ' ') FROM pg_stat_replication"
    " WHERE sync_state IN ('sync', 'quorum')), '') ELSE '' END,"
    f" {PRIMARY.removeprefix('SELECT ')} FROM parsed"
)
"""The replicas that each commit waits for, and then where the primary stands.

Commits wait for each of the standbys that are named, and no two have one name: else a replica could
be away for a moment, in which commits do not wait for it, and nobody would notice."""


class Standing(NamedTuple):
    """Where a server stands.

    Args:
        replica: whether it is one; a primary takes commands.
        timeline: since the last promotion.
        position: up to where its log is durable on a primary, and applied on a replica.
    """

    replica: bool
    timeline: int
    position: int

    def shows(self, primary: Standing) -> bool:
        """Whether a view that begins now on this replica shows what a primary had committed."""
        return (
            self.replica and self.timeline == primary.timeline and self.position >= primary.position
        )


def begin_and_stand(connection: Connection, first: str) -> Standing:
    """Begin a view in one round trip; return where the replica stood before.

    Before, as the position that the view's own statement read could be later than its moment.
    """
    connection.execution_options(isolation_level="AUTOCOMMIT")
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(f"BEGIN; {REPLICA}; COMMIT; {BEGIN_VIEW}; {first or 'SELECT 1'}")
        cursor.nextset()
        return Standing(*cursor.fetchone())
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_sqlalchemy(error, connection) from error
    finally:
        cursor.close()


def acknowledges_early(connection: Connection) -> bool:
    """Whether a primary acknowledges what is not durable yet, so that its log does not tell."""
    commit, _ = connection.exec_driver_sql(COMMITS).one()
    return bool(commit == "off")


def commits_wait(connection: Connection) -> str:
    """Return why commits do not wait for replicas by the primary's settings; "" if they do."""
    commit, names = connection.exec_driver_sql(COMMITS).one()
    if commit != "remote_apply":
        return f"synchronous_commit is {commit}"
    return "" if names.strip() else "synchronous_standby_names is empty"


def ask(raw: Any, text: str, seconds: float) -> Sequence[bytes | None]:  # noqa: ANN401 # the driver's own
    """Return a query's one row by a connection of psycopg's, within a time.

    Raises:
        TimeoutError: the server does not answer; it may be stopped, which no socket tells.
        ServerRefuses: it answers with an error.
        OSError: the connection is gone.
    """
    session, deadline = raw.pgconn, time.monotonic() + seconds
    session.send_query(text.encode())
    row: Sequence[bytes | None] = ()
    refusal: ServerRefuses | None = None
    while True:
        while session.is_busy():
            left = deadline - time.monotonic()
            if left <= 0 or not select([session.socket], [], [], left)[0]:
                raise TimeoutError
            session.consume_input()
        if (result := session.get_result()) is None:  # the connection is free again only here
            if refusal is not None:
                raise refusal
            return row
        if result.ntuples == 1:
            row = [result.get_value(0, column) for column in range(result.nfields)]
        else:
            refusal = ServerRefuses(result)


class ServerRefuses(OSError):
    """A server answered a query with an error.

    Args:
        result: of the driver.

    Attributes:
        code: the SQLSTATE.
    """

    def __init__(self, result: Any) -> None:  # noqa: ANN401 # the driver's own
        super().__init__(result.error_message.decode(errors="replace").partition("\n")[0])
        self.code = (result.error_field(SQLSTATE) or b"").decode()


def run_of(connection: Connection) -> Identity:
    """Return which run of which server a connection reaches."""
    try:
        return identity_of(connection.exec_driver_sql(IDENTITY).one())
    except exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in NOT_TOLD:
            raise
        connection.rollback()
        return identity_of(connection.exec_driver_sql(STARTED).one())
    finally:
        connection.rollback()


def ask_identity(raw: Any, seconds: float) -> Identity:  # noqa: ANN401 # the driver's own
    """Return which run of which server a connection of psycopg's reaches; raises as `ask`."""
    try:
        return identity_of(ask(raw, IDENTITY, seconds))
    except ServerRefuses as error:
        if error.code not in NOT_TOLD:
            raise
        return identity_of(ask(raw, STARTED, seconds))


def identity_of(row: Sequence[Any]) -> Identity:
    """Return which run of which server answered, by the row of `IDENTITY` or `STARTED`."""
    system, timeline, started = row
    written = started.decode() if isinstance(started, bytes) else str(started)
    return Identity(int(system), int(timeline), written)


def standing_of(row: Sequence[bytes | None]) -> Standing:
    """Return where a server stands, by the row of `REPLICA` or `PRIMARY`."""
    replica, timeline, position = row
    return Standing(replica == b"t", int(timeline or 0), int(position or 0))


def standing_if_waiting(row: Sequence[bytes | None], name: bytes) -> Standing | None:
    """Return where a primary stands if its commits wait for a replica, by the row of `WAITED_FOR`.

    Args:
        row: the row.
        name: how the primary calls the replica; empty where it follows none.
    """
    names, *standing = row
    return standing_of(standing) if name and name in (names or b"").split() else None


def quick_to_fail(url: URL) -> URL:
    """Return a URL that waits two seconds at most for a server to answer, if it says nothing."""
    given = url.query.get("connect_timeout", CONNECT_SECONDS)
    return url.update_query_dict({"connect_timeout": given})


def names_many(url: URL) -> bool:
    """Whether a URL names several servers, of which the driver takes one that it may use."""
    host = url.query.get("host", "")
    return isinstance(host, tuple) or "," in host
