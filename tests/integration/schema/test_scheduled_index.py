"""What a look for due dispatches reads does not grow with those that start later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event, insert, text

from addressee.adapters.sql import SqlStore
from addressee.application import Message, Notifier
from addressee.application.default_clock_and_ids import utc_now
from addressee.domain.times import to_microseconds

LATER, DUE, LIMIT = 2_000, 3, 32
Executed = tuple[str, Any]
"""A statement and its parameters."""


def test_a_look_reads_what_is_due_and_nothing_that_starts_later(url: str) -> None:
    now = utc_now()
    later = now + timedelta(days=1)
    with SqlStore(url) as store:
        first = Notifier(store, {}).dispatch("shop", "all", Message(title="x"), starts_at=later)
        fill(store, first.id, [to_microseconds(now)] * DUE + [to_microseconds(later)] * LATER)
        executed: list[Executed] = []
        event.listen(
            store.database.engine, "before_cursor_execute", lambda *it: executed.append(it[2:4])
        )
        with store.reading() as view:
            executed.clear()
            assert view.scheduled(None, LIMIT, now) == [f"d{n}" for n in range(DUE)]
            [look] = executed
        with store.reading() as view:
            executed.clear()
            assert len(view.scheduled(None, 2 * LATER)) == DUE + LATER + 1
            [whole] = executed
        with store.database.reading() as connection:
            assert reads(connection, look) < LATER
            assert reads(connection, whole) > LATER, "it does not measure"


def fill(store: SqlStore, dispatch: str, starts: list[int]) -> None:
    """Copy a dispatch, once for each start, and have the database count its rows."""
    table = store.parts.prepared.schema.dispatch
    with store.database.writing() as connection:
        row = connection.execute(table.select().where(table.c.id == dispatch)).mappings().one()
        copies = [{**row, "id": f"d{n}", "starts_at": at} for n, at in enumerate(starts)]
        connection.execute(insert(table), copies)
    kind = "table" if store.database.engine.dialect.name == "mariadb" else ""
    with store.database.writing() as connection:
        connection.execute(text(f"analyze {kind} {table.fullname}"))


def reads(connection: Connection, executed: Executed) -> int:
    """Return how many rows the database reads for a statement; on SQLite, its steps."""
    match connection.dialect.name:
        case "postgresql":
            statement, parameters = executed
            explain = f"explain (analyze, format json) {statement}"
            [plan] = connection.exec_driver_sql(explain, parameters).scalar_one()
            return most_rows(plan["Plan"])
        case "mariadb":
            before = handled(connection)
            connection.exec_driver_sql(*executed).all()
            return handled(connection) - before
        case _:
            steps = 0

            def step() -> None:
                nonlocal steps
                steps += 1

            driver: Any = connection.connection.driver_connection
            driver.set_progress_handler(step, 1)
            connection.exec_driver_sql(*executed).all()
            driver.set_progress_handler(None, 0)
            return steps


def most_rows(plan: dict[str, Any]) -> int:
    """Return the largest number of rows that a step of PostgreSQL's plan has looked at."""
    own: int = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return max([own, *(most_rows(each) for each in plan.get("Plans", ()))])


def handled(connection: Connection) -> int:
    """Return how many rows MariaDB's session has read so far."""
    counts = connection.execute(text("show session status like 'Handler_read%'"))
    return sum(int(value) for _, value in counts)
