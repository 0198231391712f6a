"""Other writers wait for a host's transaction only where they need the same (R19, R32).

On MariaDB a transaction at its default isolation, REPEATABLE READ, locks what it searches through,
and at any isolation it locks the gap behind a key of a unique index that it writes again.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator

import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
from tests.servers import LentDatabases

PERSONS = 9
"""Their ids are in the order in which they are made, so that it is known who is beside whom."""


@pytest.fixture(params=["lent_postgres", pytest.param("lent_mariadb", marks=pytest.mark.mariadb)])
def store(request: pytest.FixtureRequest) -> Generator[SqlStore]:
    """Yield a store whose deleted rows are kept, for a transaction that might see them is open."""
    databases: LentDatabases = request.getfixturevalue(request.param)
    with databases.engine() as engine, SqlStore(engine) as store, engine.connect() as reader:
        reader.execution_options(isolation_level="REPEATABLE READ")
        reader.exec_driver_sql("SELECT count(*) FROM addressee_event")
        yield store


@pytest.fixture
def people(store: SqlStore) -> Personalization:
    """Return the commands on a store with persons who have signed in and out."""
    numbers = itertools.count()
    people = Personalization(store, ids=lambda: f"{next(numbers):032}")
    for number in range(PERSONS):
        people.register("shop", installation=f"d{number}", push_token=f"t{number}")
        people.personalize(f"d{number}", Identity(external_id=f"e{number}"))
        people.depersonalize(f"d{number}")
    return people


LEVELS = pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])


@LEVELS
def test_signing_in_again_locks_no_other_persons_rows(
    store: SqlStore, people: Personalization, level: str
) -> None:
    with store.database.engine.connect().execution_options(isolation_level=level) as host:
        for number in range(1, PERSONS, 3):
            name, person = f"d{number}", Identity(external_id=f"e{number}")
            people.personalize(name, person, transaction=host)
            people.depersonalize(name, transaction=host)
            people.personalize(name, person, transaction=host)
        for number in range(PERSONS):
            if number % 3 != 1:
                people.personalize(f"d{number}", Identity(external_id=f"e{number}"))
                people.depersonalize(f"d{number}")


@LEVELS
def test_a_host_without_new_terms_keeps_nobody_from_new_ones(
    store: SqlStore, people: Personalization, level: str
) -> None:
    with store.database.engine.connect().execution_options(isolation_level=level) as host:
        people.register("shop", installation="new", transaction=host)
        people.personalize("new", Identity(external_id="new"), transaction=host)
        people.tag_installation("d0", add=["brand-new"])
        people.register("another-shop", installation="newer")
