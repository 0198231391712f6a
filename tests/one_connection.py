"""An engine with one connection: a call that wants a second while it holds the first one fails."""

from __future__ import annotations

from sqlalchemy import Engine, QueuePool

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.engine_factory import made_engine

PATIENCE = 0.5
"""Seconds to wait for a connection that never comes."""


def one_connection(url: str) -> Engine:
    """Return an engine whose pool has one connection and no overflow; the store's tables exist.

    What runs on it alone never waits, so `StoreUnavailable` names a call that holds a connection
    and asks for another. Routes and the command line take it as they take any engine of a host's.
    """
    SqlStore(url).close()
    return narrowed(made_engine(url))


def narrowed(engine: Engine) -> Engine:
    """Give an engine a pool of one connection, and return it."""
    assert isinstance(engine.pool, QueuePool)
    engine.pool = QueuePool(
        engine.pool._creator,  # the one that made_engine has set up
        pool_size=1,
        max_overflow=0,
        timeout=PATIENCE,
        _dispatch=engine.pool.dispatch,
        dialect=engine.dialect,
    )
    return engine
