"""Queries of dispatches and batches read what they are about, and not all of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Table, event, insert, text

from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.dispatches.dispatch_statements import DispatchStatements
from addressee.application import History, Message, Notifier, Personalization
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


def test_the_batches_of_an_installation_are_found_without_reading_the_others(
    url: str, database: str
) -> None:
    with SqlStore(url) as store:
        people = Personalization(store)
        people.register("shop", installation="phone", push_token="t")
        notifier = Notifier(store, {"fcm": RecordingPush()})
        sent = [notifier.dispatch("shop", "all", Message(title="x")).id for _ in range(3)]
        for dispatch in sent:
            notifier.run(dispatch)
        middle = surround(store, LATER)
        holding = DispatchStatements(store.parts.prepared.schema).holding
        wanted: dict[str, Any] = {"application": "shop", "attempt": 1, "ordinal": middle}
        with store.database.reading() as connection:
            statement, parameters = holding.bound(connection, (), wanted)
            if isinstance(parameters, list):
                parameters = tuple(parameters)
            read = reads(connection, (statement, parameters))
            found = {row[0] for row in holding.rows(connection, **wanted)}
        assert found == {*sent}
        if database != "mariadb":  # whose subqueries use no range that depends on another table
            assert read < LATER
        assert {each.dispatch for each in History(store).pushes("phone")} == {*sent}


def surround(store: SqlStore, count: int) -> int:
    """Give each dispatch more batches, two ordinals each; return an ordinal in their middle."""
    table = store.parts.prepared.schema.push_batch
    with store.database.writing() as connection:
        batches = [
            {**row, "number": n, "first_ordinal": 2 * n, "last_ordinal": 2 * n + 1}
            for row in connection.execute(table.select()).mappings().all()
            for n in range(2, count)
        ]
        connection.execute(insert(table), batches)
    analyze(store, table)
    analyze(store, store.parts.prepared.schema.dispatch)
    return count


def fill(store: SqlStore, dispatch: str, starts: list[int]) -> None:
    """Copy a dispatch, once for each start, and have the database count its rows."""
    table = store.parts.prepared.schema.dispatch
    with store.database.writing() as connection:
        row = connection.execute(table.select().where(table.c.id == dispatch)).mappings().one()
        copies = [{**row, "id": f"d{n}", "starts_at": at} for n, at in enumerate(starts)]
        connection.execute(insert(table), copies)
    analyze(store, table)


def analyze(store: SqlStore, table: Table) -> None:
    """Have the database count a table's rows."""
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
