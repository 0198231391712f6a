"""Engines for URLs, and pooled connections that may have died while they waited."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL
from sqlalchemy.pool import Pool, QueuePool

from addressee.domain import InvalidValue

from .dialects import DatabaseDialect, dialect_of_url

ESCAPES = "% @ : / ? are written %25 %40 %3A %2F %3F"
"""What a URL's names and passwords have to do without."""
SYNCHRONOUS = (
    "give a URL of a synchronous driver; in a host's asynchronous sessions, commands join by an"
    " engine's sync_engine"
)
IDLE_SECONDS = 1
"""How long a connection may wait in the pool before it is asked whether it is still alive."""


def made_engine(target: str | URL) -> Engine:
    """Return an engine for a URL, set up for a ledger; raises InvalidValue."""
    url, dialect = parsed(target)
    url, options = dialect.engine_options(url)
    try:
        engine = create_engine(url, hide_parameters=True, **options)
    except (exc.ArgumentError, ImportError) as error:
        raise unreadable(error) from None
    except (TypeError, ValueError):
        raise InvalidValue("store", "has an option with an impossible value") from None
    if engine.dialect.is_async:
        raise InvalidValue(
            "store", f"names the asynchronous driver {engine.dialect.driver}: {SYNCHRONOUS}"
        )

    def configure(connection: Any, record: Any) -> None:  # noqa: ANN401 # the driver's, the pool's
        record.info["opened"] = time.monotonic()
        dialect.configure(connection)

    event.listen(engine, "connect", configure)
    if not dialect.in_file:
        event.listen(engine, "checkin", note_time)
        event.listen(engine, "checkout", ping_if_idle)
    return engine


def file_of(target: str | URL) -> Path | None:
    """Return the file that a URL names; None for a server.

    Raises:
        InvalidValue: the URL can't be read.
    """
    url, dialect = parsed(target)
    return dialect.file_of(url)


def parsed(target: str | URL) -> tuple[URL, DatabaseDialect]:
    """Return a URL and the dialect that it names; raises InvalidValue without its password.

    SQLAlchemy cuts a file's name at a question mark, and takes the end of a password that has an
    @ for the host's name.
    """
    if hasattr(target, "sync_engine"):
        raise InvalidValue("store", f"is an asynchronous engine: {SYNCHRONOUS}")
    try:
        url = make_url(target)
    except exc.ArgumentError as error:
        raise unreadable(error) from None
    except ValueError:
        raise InvalidValue("store", f"has no number as its port; in a password {ESCAPES}") from None
    if "@" in (url.host or ""):
        raise InvalidValue("store", f"has an @ in its host; in a user's name or password {ESCAPES}")
    dialect = dialect_of_url(url)
    if dialect.in_file and "?" in str(target) and not url.query:
        raise InvalidValue(
            "store", f"has a ? with no options behind it; in a file's name {ESCAPES}"
        )
    return url, dialect


def unreadable(error: Exception) -> InvalidValue:
    """Return the refusal of a URL."""
    first, *_ = str(error).splitlines()
    return InvalidValue("store", f"is no URL that can be opened: {first}")


def note_time(_: object, record: Any) -> None:  # noqa: ANN401 # the pool's own
    """Note when a connection goes back to the pool."""
    record.info["idle_since"] = time.monotonic()


def ping_if_idle(connection: Any, record: Any, _: object) -> None:  # noqa: ANN401 # likewise
    """Have the pool replace a connection that died while it waited; costs a round trip."""
    idle_since = record.info.get("idle_since")
    if idle_since is None or time.monotonic() - idle_since < IDLE_SECONDS:
        return
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.close()
        connection.rollback()
    except Exception as error:
        raise exc.DisconnectionError from error


def run_on_connect(engine: Engine, statement: str) -> None:
    """Run a statement in each new session."""

    def configure(connection: Any, _: object) -> None:  # noqa: ANN401 # a driver's own type
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.commit()  # or the pool's first rollback would take it back

    event.listen(engine, "connect", configure)


def connections_in_use(pool: Pool) -> int:
    """Return how many connections threads have taken out of a pool, as far as it counts them."""
    return pool.checkedout() if isinstance(pool, QueuePool) else 0
