"""Applications and their API keys in two tables next to the ledger."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import cast

from sqlalchemy import delete, insert, select

from addressee.application import ApiKey, Scope
from addressee.domain import MobileApp, values

from ..engine.database import Connections
from ..schema.bookkeeping_tables import ENDED, SESSIONS, ended_session
from ..schema.tables import Schema
from ..unit_of_work.view import mobile_apps
from .stored_settings import Settings

SESSION_ID = 32
"""Longest id of a session, in characters."""


class SqlApplications:
    """Applications and keys of one store.

    Args:
        database: where the tables are.
        schema: the store's tables.
    """

    def __init__(self, database: Connections, schema: Schema) -> None:
        self._database = database
        self._schema = schema
        self._application = schema.application
        self._key = schema.api_key
        self._settings = Settings(database, schema)

    def put(self, application: MobileApp) -> None:
        """Keep an application, in place of the one that has the same code."""
        values.instance("application", application, MobileApp)
        table = self._application
        settings = application.written()
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.code == application.code))
            connection.execute(insert(table).values(code=application.code, settings=settings))

    def get(self, code: str) -> MobileApp | None:
        """Return an application by its code."""
        values.identifier("application", code)
        with self._database.reading() as connection:
            return next(iter(mobile_apps(connection, self._schema, code)), None)

    def all(self) -> Sequence[MobileApp]:
        """Return every application, by code."""
        with self._database.reading() as connection:
            return mobile_apps(connection, self._schema)

    def put_key(self, key: ApiKey, *, alone: bool) -> None:
        """Keep a key; ``alone`` in place of all that its application has of the same scope."""
        values.instance("key", key, ApiKey)
        table = self._key
        older = (table.c.application == key.application) & (table.c.scope == key.scope)
        with self._database.writing() as connection:
            if alone:
                connection.execute(delete(table).where(older))
            connection.execute(
                insert(table).values(
                    name=key.name, application=key.application, scope=key.scope, digest=key.digest
                )
            )

    def key(self, name: str) -> ApiKey | None:
        """Return a key by its name."""
        values.identifier("key", name)
        table = self._key
        with self._database.reading() as connection:
            row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
        return None if row is None else ApiKey(row[0], row[1], cast("Scope", row[2]), row[3])

    def keys(self, application: str) -> Sequence[ApiKey]:
        """Return the keys of an application, by name."""
        values.identifier("application", application)
        table = self._key
        rows = select(table).where(table.c.application == application).order_by(table.c.name)
        with self._database.reading() as connection:
            found = connection.execute(rows).all()
        return [ApiKey(row[0], row[1], cast("Scope", row[2]), row[3]) for row in found]

    def remove_key(self, name: str) -> bool:
        """Forget a key; return whether it was there."""
        values.identifier("key", name)
        table = self._key
        with self._database.writing() as connection:
            return connection.execute(delete(table).where(table.c.name == name)).rowcount > 0

    def session_secret(self, *, renew: bool = False) -> bytes:
        """Return the secret of operators' sessions; ``renew`` makes another one."""
        made = secrets.token_bytes(32)
        known = self._settings.find(SESSIONS)
        known = known or self._settings.get(SESSIONS, lambda: made)
        if not renew:
            return known
        self._settings.replace(SESSIONS, made)
        return made

    def end_session(self, session: str, until: int, now: int) -> None:
        """Keep that an operator has signed out, in a setting of its own."""
        self._settings.get(
            ended_session(values.identifier("session", session, SESSION_ID)), str(until).encode
        )
        for name, over in self._settings.beginning(ENDED).items():
            if int(over) < now:
                self._settings.remove(name)

    def ended_sessions(self) -> AbstractSet[str]:
        """Return the sessions that operators have signed out of."""
        return {name.removeprefix(ENDED) for name in self._settings.beginning(ENDED)}
