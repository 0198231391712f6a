"""Real database servers for the tests, started on free ports of the loopback interface."""

from .databases import (
    LentDatabases,
    LentFiles,
    MariaDB,
    Pgbouncer,
    Postgres,
    distant,
    mariadb_server,
    pgbouncer_server,
    postgres_server,
)
from .http import Served, client, http_server

__all__ = [
    "LentDatabases",
    "LentFiles",
    "MariaDB",
    "Pgbouncer",
    "Postgres",
    "Served",
    "client",
    "distant",
    "http_server",
    "mariadb_server",
    "pgbouncer_server",
    "postgres_server",
]
