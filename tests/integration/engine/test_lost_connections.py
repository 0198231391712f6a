"""Connections that end while others are opened in their place (#13, #16)."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from addressee.adapters.sql import SqlStore
from addressee.application import Personalization, Targeting
from addressee.domain import StoreUnavailable
from tests.servers import MariaDB, Postgres


@pytest.mark.parametrize("server", ["postgres", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def test_what_is_lost_as_fast_as_it_is_opened_is_a_typed_error(
    request: pytest.FixtureRequest, server: str
) -> None:
    running: Postgres | MariaDB = request.getfixturevalue(server)
    with SqlStore(running.new_database()) as store:
        people, reach = Personalization(store), Targeting(store)
        engine = store.database.engine
        people.register("shop", installation="a")

        def lose(*_: object) -> None:
            store.database.give_up()  # as another thread does whose connection has ended

        event.listen(engine, "checkout", lose, insert=True)
        for call in (lambda: reach.count("shop", "all"), lambda: people.register("shop")):
            with pytest.raises(StoreUnavailable, match="as fast as they are opened"):
                call()
        event.remove(engine, "checkout", lose)
        people.register("shop", installation="b")
        assert reach.count("shop", "all") == 2
