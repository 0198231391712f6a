"""Real database servers for the tests, started on free ports of the loopback interface."""

from .distance import distant
from .http import Served, client, http_server
from .lent_databases import LentDatabases, LentFiles
from .mariadb import MariaDB, mariadb_server
from .pgbouncer import Pgbouncer, pgbouncer_server
from .postgres import Postgres, postgres_server

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
