"""Queries that are one statement and one round trip, always exact (R33).

They are for one person, for one installation, or about what is cached.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import delete, update

from addressee.adapters.sql import Rebuild, SqlStore
from addressee.adapters.sql.schema.bookkeeping_tables import FLAGGED
from addressee.application import Identity, NotCached, Personalization, Targeting, verify
from tests.patience import PATIENCE

ASKED = (
    "external_id:ali",
    "external_id:ali and primary",
    "installation:a",
    "primary and email:a@x.de",
)


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url) as store:
        people = Personalization(store)
        for name in ("a", "b", "c"):
            people.register("shop", installation=name, push_token=f"t-{name}")
        for name in ("a", "b"):
            identity = Identity(external_id="ali", emails=["a@x.de"])
            people.personalize(name, identity, set_primary=name == "b")
        yield store


def answers(store: SqlStore) -> list[object]:
    reach = Targeting(store)
    return [
        (
            list(reach.targets("shop", asked)),
            reach.count("shop", asked),
            reach.preview("shop", asked, 1),
            [each.address for each in reach.recipients("shop", asked)],
        )
        for asked in ASKED
    ]


PREPARED = 6
"""After so many times psycopg has prepared a statement, which is a round trip more."""
EXPECTED = [
    (["a", "b"], 2, ["a"], ["t-a", "t-b"]),
    (["b"], 1, ["b"], ["t-b"]),
    (["a"], 1, ["a"], ["t-a"]),
    (["b"], 1, ["b"], ["t-b"]),
]


def sent(store: SqlStore, folder: Path, work: Callable[[], object]) -> list[str]:
    """Return what the store's one connection sends to the database while some work is done."""
    with store.database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
    seen: list[str] = []
    if store.database.dialect.name == "sqlite":
        driver.set_trace_callback(seen.append)
        work()
        driver.set_trace_callback(None)
    elif store.database.dialect.name == "postgresql":
        path = folder / "trace"
        with path.open("w") as file:
            driver.pgconn.trace(file.fileno())
            work()
            driver.pgconn.untrace()
        # A query in the simple protocol, or the end of one in the extended protocol.
        seen = [line for line in path.read_text().splitlines() if "\tF\t" in line]
        seen = [line for line in seen if "\tSync" in line or "\tQuery" in line]
    else:
        execute = driver._execute_command  # the one place that all pass

        def noted(command: int, sql: bytes | str) -> object:
            seen.append(sql if isinstance(sql, str) else sql.decode())
            return execute(command, sql)

        driver._execute_command = noted  # likewise
        work()
        del driver._execute_command  # likewise
    return seen


def test_R33_a_lookup_is_one_statement_and_one_round_trip(store: SqlStore, tmp_path: Path) -> None:
    assert answers(store) == EXPECTED
    reach = Targeting(store)
    for asked in ASKED:
        assert reach.preview("shop", asked, 0) == []
        for ask in (
            lambda asked=asked: list(reach.targets("shop", asked)),
            lambda asked=asked: reach.count("shop", asked),
            lambda asked=asked: reach.preview("shop", asked),
            lambda asked=asked: list(reach.recipients("shop", asked)),
        ):
            is_one_statement(store, tmp_path, ask)


def is_one_statement(store: SqlStore, folder: Path, ask: Callable[[], object]) -> None:
    """Check that a query is one statement once it was asked before."""
    for _ in range(PREPARED):
        ask()
    statements = sent(store, folder, ask)
    # The pool of MariaDB's and MySQL's connections rolls back what may have begun.
    most = ["ROLLBACK"] if store.database.dialect.name in ("mariadb", "mysql") else []
    assert len(statements) == 1 + len(most), statements
    assert statements[1:] == most


@pytest.mark.parametrize("asked", ["all", "tag:vip", "tag:vip and not (primary and tag:few)"])
def test_R33_an_audience_that_is_cached_is_one_statement_too(
    store: SqlStore, tmp_path: Path, asked: str
) -> None:
    people, reach = Personalization(store), Targeting(store)
    people.personalize("c", Identity(external_id="eve"), tags={"vip", "few"})
    for _ in range(2):
        is_one_statement(store, tmp_path, lambda: reach.count("shop", asked))
        is_one_statement(store, tmp_path, lambda: reach.preview("shop", asked))
        is_one_statement(store, tmp_path, lambda: list(reach.targets("shop", asked)))
        store.compact()
    assert reach.count("shop", asked) == (3 if asked == "all" else 1)
    assert [len(reach.preview("shop", asked, n)) for n in (0, 1)] == [0, 1]
    # A term that nobody ever had is not cached, and a view is opened for it at once.
    unknown = f"{asked} or tag:of-nobody"
    for _ in range(PREPARED):
        reach.preview("shop", unknown)
        reach.count("shop", unknown)
    viewed = sent(store, tmp_path, lambda: reach.preview("shop", unknown))
    assert len(sent(store, tmp_path, lambda: reach.count("shop", unknown))) <= len(viewed) + 1


def test_the_id_of_an_installation_that_was_erased_meanwhile_is_not_cached(store: SqlStore) -> None:
    Targeting(store).count("shop", "all")
    with store.cached() as view:
        assert view.shards("shop", {"all", "reachable"})["all"] == {0: 3}
        with pytest.raises(NotCached):
            view.names([10_000])


def test_R19_a_cached_audience_knows_what_another_process_has_just_done(store: SqlStore) -> None:
    reach = Targeting(store)
    audiences = ("tag:vip", "tag:vip and not primary", "tag:new or tag:vip", "segment:few")

    def check(*expected: int) -> None:
        for _ in range(2):
            assert tuple(reach.count("shop", each) for each in audiences) == expected

    with SqlStore(store.database.engine.url) as other:
        people = Personalization(other)
        people.define_segment("shop", "few", "tag:vip")
        check(0, 0, 0, 0)
        people.personalize("c", Identity(external_id="eve"), tags={"vip"})
        check(1, 1, 1, 1)
        other.compact()
        check(1, 1, 1, 1)
        people.personalize("b", Identity(external_id="ali"), tags={"vip"})
        people.define_segment("shop", "few", "tag:vip and primary")
        check(3, 2, 3, 1)
        people.depersonalize("a")
        Rebuild(other).run()
        check(2, 1, 2, 1)
        people.personalize("a", Identity(external_id="zoe"), tags={"new"})
        people.depersonalize("c")
        check(1, 0, 2, 1)


def test_R33_lookups_are_answered_within_a_view_until_rows_have_flags(store: SqlStore) -> None:
    schema = store.parts.prepared.schema
    with store.database.writing() as connection:
        connection.execute(delete(schema.setting).where(schema.setting.c.name == FLAGGED))
        connection.execute(update(schema.installation).values(flags=None))
    with SqlStore(store.database.engine) as later:
        assert answers(later) == EXPECTED
        assert verify(later).differences == ()
        Rebuild(later, ["installations"]).run()
        assert answers(later) == EXPECTED
        with later.database.writing() as connection:
            connection.execute(update(schema.installation).values(flags=0, idle_from=None))
        assert answers(later)[0] == ([], 0, [], []), "rows are looked up now"
        wrong = {(each.name, each.problem.split(",")[0]) for each in verify(later).differences}
        assert wrong == {
            *((name, "flags is 0") for name in ("a", "b", "c")),
            *((name, "idle_from is None") for name in ("a", "b")),
        }
        Rebuild(later).run()
        assert answers(later) == EXPECTED


def test_R37_lookups_are_whole_while_tables_are_swapped(store: SqlStore) -> None:
    done = Event()

    def ask() -> None:
        with SqlStore(store.database.engine) as own:
            while not done.is_set():
                assert answers(own) == EXPECTED
                assert Targeting(own).count("shop", "not primary") == 2

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        try:
            for only in (["addresses", "identifiers"], ["installations"], []):
                Rebuild(store, only).run()
        finally:
            done.set()
        for each in asking:
            each.result(PATIENCE)
