"""What only a server can do to a store: go away, be slow, stand in a race (R32)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine import engine_factory
from addressee.application import History, Identity, Personalization, Targeting
from addressee.domain import NoRegistration, PrimaryChanged, StoreUnavailable
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
