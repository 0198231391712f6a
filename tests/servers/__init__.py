"""Real database servers for the tests, started on free ports of the loopback interface."""

from .mariadb import MariaDB, mariadb_server
from .postgres import Postgres, postgres_server

__all__ = ["MariaDB", "Postgres", "mariadb_server", "postgres_server"]
