"""Which database a connection reaches, and which ledger in it: a replica has to have the primary's.

A physical replica is a copy of the primary's files. So it shares what names the cluster, and the
numbers of databases and tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, Dialect, Engine, Table, event

from addressee.domain import StoreUnavailable

from ..engine.dialects.base import quoted
from ..engine.dialects.postgresql_replication import NOT_TOLD, ServerRefuses, ask
from .replica_state import OTHER, Behind

SYSTEM = "SELECT system_identifier FROM pg_control_system()"
DATABASE = "SELECT (SELECT oid FROM pg_database WHERE datname = current_database())"
LEDGER = "SELECT coalesce(to_regclass('{event}')::oid, 0)"
"""By the connection's own search path, where the store has no schema."""
SECRETS = (
    "SELECT (SELECT string_agg(encode(sha256(value), 'hex'), ' ' ORDER BY name) FROM {setting}"
    " WHERE name IN ({names}))"
)
NO_TABLE = b"0"
PLACE = "addressee_place"
"""Where a connection that the pool lends carries its place."""


class Questions(NamedTuple):
    """What a server is asked for the place of a store.

    Args:
        ledger: finds the ledger's table.
        secrets: digests what the store was made with.
    """

    ledger: str
    secrets: str

    @classmethod
    def of(cls, sql: Dialect, ledger: Table, setting: Table, secrets: Sequence[str]) -> Self:
        """Return them for a store.

        Args:
            sql: the database's.
            ledger: the ledger's table.
            setting: the table of settings.
            secrets: names of settings by which stores differ; without quotes.
        """
        names = ", ".join(f"'{name}'" for name in secrets)
        return cls(
            LEDGER.format(event=quoted(sql, ledger)),
            SECRETS.format(setting=quoted(sql, setting), names=names),
        )


class Place(NamedTuple):
    """Where a connection leads; None for what its role may not know.

    Args:
        system: the cluster's own number.
        database: the database's number.
        ledger: the number of the ledger's table; `NO_TABLE` where there is none.
        secrets: a digest of what the store was made with.
    """

    system: bytes | None
    database: bytes | None
    ledger: bytes | None
    secrets: bytes | None

    def is_in_database_of(self, home: Place) -> bool:
        """Whether it is the same database of the same cluster, as far as both are told."""
        return same(self.system, home.system) and same(self.database, home.database)

    def is_of(self, home: Place) -> bool:
        """Whether it is the same ledger.

        Another cluster can have the same numbers of databases and tables. Secrets stand in for the
        cluster's number only, since a new identifier key changes them.
        """
        if not (self.is_in_database_of(home) and same(self.ledger, home.ledger)):
            return False
        told = self.system is not None and home.system is not None
        return told or same(self.secrets, home.secrets)


def same(one: bytes | None, other: bytes | None) -> bool:
    """Whether two are equal, or one is not told."""
    return one is None or other is None or one == other


def ask_place(raw: Any, questions: Questions, seconds: float) -> Place:  # noqa: ANN401 # the driver's own
    """Return where a connection of psycopg's leads; raises as `ask`."""
    system, database, ledger = (
        told(raw, text, seconds) for text in (SYSTEM, DATABASE, questions.ledger)
    )
    known = ledger not in (None, NO_TABLE)
    return Place(system, database, ledger, told(raw, questions.secrets, seconds) if known else None)


def told(raw: Any, text: str, seconds: float) -> bytes | None:  # noqa: ANN401 # the driver's own
    """Return a query's one value; None if the role or the engine has none for it."""
    try:
        [value] = ask(raw, text, seconds)
    except ServerRefuses as error:
        if error.code not in NOT_TOLD:
            raise
        return None
    return value


def note_places(engine: Engine, questions: Questions, seconds: float) -> None:
    """Have each new connection of an engine asked for its place, for `check_place`."""

    def note(raw: Any, record: Any) -> None:  # noqa: ANN401 # the driver's, the pool's
        with suppress(OSError, engine.dialect.loaded_dbapi.Error):
            record.info[PLACE] = ask_place(raw, questions, seconds)

    event.listen(engine, "connect", note)


def check_place(connection: Connection, home: Place | None) -> None:
    """Refuse a connection to another ledger than the primary's; takes no query.

    Args:
        connection: of an engine of which places are noted.
        home: where the primary's ledger is.

    Raises:
        Behind: it leads elsewhere.
        StoreUnavailable: it did not say where it leads.
    """
    here: Place | None = connection.info.get(PLACE)
    if here is not None and home is not None and here.is_of(home):
        return
    connection.invalidate()
    if here is None or home is None:
        raise StoreUnavailable("a replica did not say which database it has")
    raise Behind(OTHER)
