"""What only a server can do to a store: go away, be slow, stand in a race (R32)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine import engine_factory
from addressee.adapters.sql.engine.dialects.postgresql_arrays import array_of
from addressee.application import Call, History, Identity, Personalization, Targeting, bulk
from addressee.domain import NoRegistration, PrimaryChanged, StoreUnavailable
from tests.patience import wait_until
from tests.servers import Postgres


def test_a_server_that_goes_away_is_a_typed_error_and_comes_back(
    stoppable_postgres: Postgres,
) -> None:
    postgres = stoppable_postgres
    with SqlStore(postgres.new_database()) as store:
        people, reach = Personalization(store), Targeting(store)
        device = people.register("shop", installation="a").installation
        postgres.stop()
        for call in (
            lambda: people.personalize(device, Identity(external_id="ali")),
            lambda: reach.count("shop", "all"),
            lambda: list(reach.targets("shop", "all")),
            lambda: History(store).who(device),
            lambda: SqlStore(postgres.url("nowhere")),
        ):
            with pytest.raises(StoreUnavailable):
                call()
        postgres.start()
        assert people.personalize(device, Identity(external_id="ali")).outcome == "attached"
        assert reach.count("shop", "external_id:ali") == 1


def test_a_command_takes_few_round_trips(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is ready for a query again once a round trip, whatever was sent together."""
    monkeypatch.setattr(engine_factory, "IDLE_SECONDS", 600)
    trace = tmp_path / "trace"
    # psycopg prepares a statement at its fifth use, by a round trip of its own.
    url = f"{postgres.new_database()}?prepare_threshold=none"
    with SqlStore(url) as store, trace.open("w") as file:
        # Policies of its own, so that those of the store are not read once a second.
        people = Personalization(store, sessions={}, device_caps={}, limits={})
        with store.database.engine.connect() as connection:  # the pool's only one
            session: Any = connection.connection.driver_connection

        def round_trips(command: Callable[[], object]) -> int:
            before = trace.read_text().count("ReadyForQuery")
            session.pgconn.trace(file.fileno())
            command()
            session.pgconn.untrace()
            return trace.read_text().count("ReadyForQuery") - before

        def personalize(device: str) -> None:
            people.personalize(device, Identity(external_id=device), tags={"vip"})

        def refused() -> None:
            with pytest.raises(NoRegistration):
                people.touch("c")

        for device in ("a", "b"):
            people.register("shop", installation=device)
        personalize("a")  # later ones find its terms
        found = {
            "sign-in": round_trips(lambda: personalize("b")),
            "touch": round_trips(lambda: people.touch("b")),
            "sign-out": round_trips(lambda: people.depersonalize("b")),
            "refusal": round_trips(refused),
        }
        assert found == {"sign-in": 3, "touch": 3, "sign-out": 4, "refusal": 2}


def test_commands_find_rows_by_keys_before_the_server_has_analyzed_a_table(
    postgres: Postgres,
) -> None:
    """Plans that were made for few rows are kept; they must not read all rows of later ones."""
    with SqlStore(postgres.new_database()) as store:
        people, schema = Personalization(store), store.parts.prepared.schema
        read = "SELECT seq_tup_read, n_tup_ins FROM pg_stat_user_tables WHERE relname = %s"
        tables = (schema.event.name, schema.installation.name)

        def statistics(table: str) -> tuple[int, int]:
            with store.database.reading() as connection:
                [(rows, inserted)] = connection.exec_driver_sql(read, (table,)).all()
            return rows, inserted

        def registered(first: int, count: int) -> None:
            names = [f"d{n}" for n in range(first, first + count)]
            bulk(people, [registration(name) for name in names])
            for name in names[::10]:
                people.personalize(name, Identity(external_id=name), tags={"vip"})

        registered(0, 100)
        before = [statistics(table) for table in tables]
        registered(100, 200)
        for table, (rows, inserted) in zip(tables, before, strict=True):
            wait_until(lambda: statistics(table)[1] >= inserted + 200, "what was counted is told")  # noqa: B023 # called at once
            # Compaction and migrations may look at what is new; a command must not read all.
            assert statistics(table)[0] - rows < 200, table


def registration(name: str) -> Call:
    return lambda people: people.register("shop", installation=name)


def test_arrays_are_what_the_driver_would_have_sent(postgres: Postgres) -> None:
    texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    numbers = st.integers(-(2**63), 2**63 - 1)

    @example(
        texts=['"', "\\", "", "NULL", "{}", ",", " ", "'", "\n", None], numbers=[], blobs=[b""]
    )
    @given(
        st.lists(st.none() | texts),
        st.lists(st.none() | numbers),
        st.lists(st.none() | st.binary()),
    )
    def sent(texts: list[str | None], numbers: list[int | None], blobs: list[bytes | None]) -> None:
        arrays = [array_of(values) for values in (texts, numbers, blobs)]
        assert all(isinstance(array, str) for array in arrays)
        found = session.execute("SELECT %s::text[], %s::bigint[], %s::bytea[]", arrays).fetchone()
        assert found == (texts, numbers, blobs)

    with psycopg.connect(postgres.new_database().replace("+psycopg", "")) as session:
        sent()
    assert array_of([1.5, True]) == [1.5, True], "the driver knows these"


def test_eight_services_that_move_one_persons_flag_lose_no_step(postgres: Postgres) -> None:
    url = postgres.new_database()
    with SqlStore(url) as store:
        people = Personalization(store)
        for n in range(8):
            device = people.register("shop", installation=f"d{n}").installation
            people.personalize(device, Identity(external_id="ali"))
        person = History(store).who("d0") or ""

        def service(n: int) -> None:
            with SqlStore(url) as own:
                mine = Personalization(own)
                for _ in range(10):
                    mine.set_primary(f"d{n}")

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(service, range(8)))
        recorded = History(store).person(person)
        moves = [event for _, event in recorded if isinstance(event, PrimaryChanged)]
        assert {move.current for move in moves} == {f"d{n}" for n in range(8)}
        for before, after in pairwise(moves):
            assert after.previous == before.current
        assert Targeting(store).count("shop", "primary") == 1
