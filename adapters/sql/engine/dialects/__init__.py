"""One object a database for all that differs between databases; none knows a table of ours."""

from __future__ import annotations

from typing import NoReturn, TypeVar

from sqlalchemy import Dialect, Table
from sqlalchemy.engine import URL
from sqlalchemy.sql.selectable import HasHints

from addressee.domain import InvalidValue

from .base import DatabaseDialect, HasDialect, Way
from .mariadb import MariadbDialect, MysqlDialect
from .postgresql import PostgresqlDialect
from .sqlite import SqliteDialect
from .writers import Writers

S = TypeVar("S", bound=HasHints)

DIALECTS: dict[str, DatabaseDialect] = {
    dialect.name: dialect
    for dialect in (SqliteDialect(), PostgresqlDialect(), MariadbDialect(), MysqlDialect())
}

INNODB = tuple(name for name, each in DIALECTS.items() if isinstance(each, MariadbDialect))
"""Where a transaction locks what it searches through, and gaps between keys."""


def on_innodb(*_: object, dialect: Dialect, **__: object) -> bool:
    """Whether a part of a table is made there; for SQLAlchemy's ``ddl_if``."""
    return dialect.name in INNODB


def not_on_innodb(*_: object, dialect: Dialect, **__: object) -> bool:
    """Whether it is made elsewhere."""
    return dialect.name not in INNODB


def looked_up(rows: S, table: Table) -> S:
    """Return a select by primary keys of which InnoDB locks no row that it does not find.

    Without the hint it may read and lock all of a short table, with the place of new rows; also
    with it if the select has no column but those of the key.
    """
    for name in INNODB:
        rows = rows.with_hint(table, "FORCE INDEX (PRIMARY)", name)
    return rows


def dialect_of(where: HasDialect) -> DatabaseDialect:
    """Return the dialect of an engine or connection; raises InvalidValue for an untried one."""
    name = where.dialect.name
    return DIALECTS.get(name) or untried(name)


def dialect_of_url(url: URL) -> DatabaseDialect:
    """Return the dialect that a URL names; raises InvalidValue for an untried one."""
    name = url.get_backend_name()
    return DIALECTS.get(name) or untried(name)


def untried(name: str) -> NoReturn:
    """Raise InvalidValue for a database that nobody has tried."""
    raise InvalidValue("store", f"can't be on {name}")


__all__ = [
    "DatabaseDialect",
    "HasDialect",
    "Way",
    "Writers",
    "dialect_of",
    "dialect_of_url",
    "looked_up",
    "not_on_innodb",
    "on_innodb",
]
