"""Callers that share transactions neither wait for another's row nor fail with it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import select

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.dialects import dialect_of
from addressee.adapters.sql.unit_of_work.transaction import SqlTransaction
from addressee.application import Identity, Personalization, Targeting, verify
from addressee.domain import AddresseeError, Conflict, StoreUnavailable
from tests.contract.commands.test_group_commit import CALLERS as MANY
from tests.contract.commands.test_group_commit import Callers
from tests.patience import PATIENCE, wait_until

CALLERS = 8


def test_R32_callers_leave_a_group_that_waits_for_a_row(url: str) -> None:
    """One is held up by a row lock; the others are committed while it waits."""
    if url.startswith("sqlite"):
        return  # every writer waits for the one before it
    with SqlStore(url) as store, ThreadPoolExecutor(CALLERS + 1) as threads:
        people = Personalization(store)
        groups = people.execution.groups
        assert groups is not None
        row = store.parts.prepared.schema.installation

        def login(n: int) -> str:
            return people.personalize(f"d{n}", Identity(external_id=f"p{n}")).outcome

        for n in range(CALLERS + 2):
            people.register("shop", installation=f"d{n}")
        login(CALLERS + 1)  # of terms that are new, every writer waits
        with store.database.engine.begin() as another:
            another.execute(select(row.c.id).where(row.c.id == "d0").with_for_update())
            blocked = threads.submit(login, 0)
            wait_until(lambda: groups._leader, "a leader", pause=0.001)
            others = threads.map(login, range(1, CALLERS + 1), timeout=PATIENCE)
            assert [*others] == ["attached"] * CALLERS
            assert people.groups.left == CALLERS
            assert not blocked.done()
        assert blocked.result(PATIENCE) == "attached"


def test_R29_a_row_that_the_database_refuses_fails_no_other_command_of_the_group(url: str) -> None:
    with SqlStore(url) as store:
        with store.database.writing() as connection:
            table, dialect = store.parts.prepared.schema.installation, dialect_of(connection)
            for refusal in dialect.in_range(connection.dialect, table, "{row}id <> 'd7'", "not d7"):
                connection.exec_driver_sql(refusal)
        callers, names = Callers(store), [f"d{n}" for n in range(MANY)]
        answers = callers.together(
            [partial(Personalization.register, application="shop", installation=n) for n in names]
        )
        assert isinstance(answers.pop(7), AddresseeError)
        assert not [each for each in answers if isinstance(each, BaseException)]
        assert {*names} & {*Targeting(store).targets("shop", "all")} == {*names} - {"d7"}
        assert verify(store).differences == ()


class Counted(SqlStore):
    """A store that counts the transactions of commands."""

    transactions = 0

    @contextmanager
    def writing(self, first: Mapping[str, int] | None = None) -> Generator[SqlTransaction]:
        self.transactions += 1
        with super().writing(first) as transaction:
            yield transaction


@pytest.mark.parametrize("refused", ["installation", "event"])
def test_R32_a_row_that_the_database_refuses_is_no_race_that_was_lost(
    url: str, refused: str
) -> None:
    condition = {"installation": "{row}id <> 'd7'", "event": "{row}stream <> 'installation:d7'"}
    with Counted(url) as store:
        with store.database.writing() as connection:
            schema, dialect = store.parts.prepared.schema, dialect_of(connection)
            table = {"installation": schema.installation, "event": schema.event}[refused]
            for refusal in dialect.in_range(connection.dialect, table, condition[refused], "no"):
                connection.exec_driver_sql(refusal.replace("in_range", "own"))
        people = Personalization(store)
        with pytest.raises((Conflict, StoreUnavailable)):
            people.register("shop", installation="d7")
        assert store.transactions == 1
        people.register("shop", installation="d8")
