"""Bringing the tables of an earlier release up to date."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from addressee.domain import Conflict, StoreDamaged

from ..engine.database import Database
from .creation import revision_of
from .tables import Schema

ATTEMPTS, PAUSE = 5, 0.5
"""How often a migration is tried that deadlocks, and after how many seconds."""
Part = Literal["before", "after"]
FOLDER = Path(__file__).parent / "migrations"


class Migration:
    """Knows which migrations a store lacks, and runs them.

    What a release changes comes in two parts: *before* is run before the new code is deployed, and
    the old code goes on working with it; *after* is run when no old code is left.

    Args:
        target: a SQLAlchemy engine or a URL.
        prefix: before the names of all tables.
        schema: the database schema that they are in, if not the connection's own.

    Raises:
        InvalidValue, StoreUnavailable: as `SqlStore` raises them.
    """

    def __init__(
        self,
        target: Engine | str | URL,
        *,
        prefix: str = "addressee_",
        schema: str | None = None,
    ) -> None:
        self._database = Database(target)
        self._schema = Schema.checked(prefix, schema)

    def missing(self, part: Part = "after") -> list[str]:
        """Return the migrations that `run` would run, in order, each with what it does.

        Raises:
            StoreDamaged: the tables had a migration that this release does not know.
        """
        with self._database.reading() as connection:
            return [f"{s.revision} {s.doc}" for s in self._missing(connection, part)]

    def run(self, part: Part = "after") -> list[str]:
        """Run what is missing, up to the last migration of that part, in one transaction.

        MariaDB and MySQL commit after each statement that changes tables.

        Args:
            part: ``before`` for what can be run while the old code works, ``after`` for all.

        Returns:
            The revisions that were run.

        Raises:
            Conflict: other transactions deadlocked with it at every attempt.
            StoreDamaged: the tables had a migration that this release does not know.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._run(part)
            except Conflict:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(PAUSE)

    def _run(self, part: Part) -> list[str]:
        with self._database.alone() as connection:
            missing = self._missing(connection, part)
            if missing:
                command.upgrade(self._config(connection), missing[-1].revision)
            return [script.revision for script in missing]

    def sql(self, part: Part = "after") -> str:
        """Return the SQL that `run` would run; nothing is changed."""
        written = io.StringIO()
        with self._database.reading() as connection:
            missing = self._missing(connection, part)
            if missing:
                config = self._config(connection, written)
                start = revision_of(connection, self._schema) or "base"
                command.upgrade(config, f"{start}:{missing[-1].revision}", sql=True)
        return written.getvalue()

    def close(self) -> None:
        """Close the connections that wait in the pool; a host's engine stays as it is."""
        self._database.close()

    def _missing(self, connection: Connection, part: Part) -> list[Script]:
        """Return the migrations behind the last one that was run, up to the last of a part."""
        scripts = ScriptDirectory(str(FOLDER), recursive_version_locations=True)
        revision = revision_of(connection, self._schema)
        try:
            behind = [*scripts.iterate_revisions("head", revision or "base")][::-1]
        except (CommandError, RevisionError):
            problem = f"tables had migration {revision}, which this release does not know"
            raise StoreDamaged(problem) from None
        while behind and part == "before" and behind[-1].module.PART != "before":
            behind.pop()
        return behind

    def _config(self, connection: Connection, output: io.StringIO | None = None) -> Config:
        config = Config(output_buffer=output)
        config.set_main_option("script_location", str(FOLDER))
        config.set_main_option("recursive_version_locations", "true")
        config.attributes |= {"connection": connection, "schema": self._schema}
        return config
