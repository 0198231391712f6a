"""This package as a persistence module for any application of `eventsourcing`.

    PERSISTENCE_MODULE=addressee.adapters.sql
    ADDRESSEE_URL=postgresql+psycopg://host/database

The framework hands these over as its environment; nothing is read from the process's own here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from eventsourcing.persistence import InfrastructureFactory, InfrastructureFactoryError
from eventsourcing.utils import Environment
from sqlalchemy import Engine

from ..engine.database import Database
from ..schema.creation import prepare
from ..schema.tables import Schema
from .recorders import (
    SqlAggregateRecorder,
    SqlApplicationRecorder,
    SqlProcessRecorder,
    SqlRecorder,
    SqlTrackingRecorder,
)

R = TypeVar("R", bound=SqlRecorder)


class SqlFactory(InfrastructureFactory[SqlTrackingRecorder]):
    """Makes recorders on one database, with tables of the application's own.

    Args:
        env: ``ADDRESSEE_URL`` says where, unless an engine is given; ``ADDRESSEE_PREFIX`` stands
            before the names of the tables, by default the application's name and ``_``;
            ``ORIGINATOR_ID_TYPE`` is ``uuid`` (the default) or ``text``.
        engine: the host's, instead of a URL.

    Raises:
        InfrastructureFactoryError: neither URL nor engine is given.
        InvalidValue, StoreUnavailable: as `SqlStore` raises them.
    """

    def __init__(self, env: Environment, engine: Engine | None = None) -> None:
        super().__init__(env)
        target = engine or env.get("ADDRESSEE_URL")
        if target is None:
            raise InfrastructureFactoryError("ADDRESSEE_URL is not set")
        self._database = Database(target)
        prefix = env.get("ADDRESSEE_PREFIX") or f"{env.name.lower() or 'addressee'}_"
        self._schema = Schema.checked(prefix, None)
        self._uuids = (env.get("ORIGINATOR_ID_TYPE") or "uuid") == "uuid"
        prepare(self._database, self._schema, create=True)

    def aggregate_recorder(self, purpose: str = "events") -> SqlAggregateRecorder:  # noqa: ARG002 # snapshots would need a table of their own
        """Return a recorder of streams."""
        return self._made(SqlAggregateRecorder)

    def application_recorder(self) -> SqlApplicationRecorder:
        """Return a recorder of streams and their order."""
        return self._made(SqlApplicationRecorder)

    def tracking_recorder(
        self, tracking_recorder_class: type[SqlTrackingRecorder] | None = None
    ) -> SqlTrackingRecorder:
        """Return a recorder of positions."""
        return self._made(tracking_recorder_class or SqlTrackingRecorder)

    def process_recorder(self) -> SqlProcessRecorder:
        """Return a recorder of both."""
        return self._made(SqlProcessRecorder)

    def close(self) -> None:
        """Close the connections that wait in the pool; a host's engine stays as it is."""
        self._database.close()

    def _made(self, kind: Callable[..., R]) -> R:
        options: dict[str, Any] = {"uuids": self._uuids}
        return kind(self._database, self._schema, **options)
