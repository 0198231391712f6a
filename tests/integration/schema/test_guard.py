"""The ledger can't be rewritten, not even by hand (R30)."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, exc, text

from addressee.adapters.sql import SqlStore
from addressee.application import Personalization


@pytest.mark.parametrize(
    "statement",
    [
        "update addressee_event set topic = 'x'",
        "delete from addressee_event",
        "truncate addressee_event",
    ],
)
def test_R30_the_ledger_refuses_to_be_changed(url: str, statement: str) -> None:
    if statement.startswith("truncate") and not url.startswith("postgresql"):
        return  # it drops the table there, or is no statement
    with SqlStore(url) as store:
        Personalization(store).register("shop", installation="a")
        engine = create_engine(url)
        with pytest.raises(exc.DBAPIError, match="never changed or deleted"), engine.begin() as own:
            own.execute(text(statement))
        engine.dispose()
        with store.reading() as reader:
            assert len(reader.events(0, 10)) == 1
    with SqlStore(url) as again, again.reading() as reader:
        assert len(reader.events(0, 10)) == 1
