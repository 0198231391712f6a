"""Databases, their replicas, what stands before them, and the distance to them."""

from .distance import distant
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
    "distant",
    "mariadb_server",
    "pgbouncer_server",
    "postgres_server",
]
