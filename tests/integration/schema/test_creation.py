"""Tables are made once, whoever comes first, and beside those of others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Engine, text

from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.engine_factory import made_engine
from addressee.adapters.sql.schema.migration import Migration
from addressee.application import Personalization, Targeting
from addressee.domain import InvalidValue, StoreUnavailable
from tests.integration.schema.revisions import REVISIONS
from tests.patience import wait_until
from tests.servers import Postgres


def test_eight_services_that_start_at_once_make_one_schema(new_url: Callable[[], str]) -> None:
    url = new_url()
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(lambda _: SqlStore(url), range(8)))
    assert len({store.identifier_key for store in stores}) == 1
    for n, store in enumerate(stores):
        Personalization(store).register("shop", installation=f"d{n}")
    assert Targeting(stores[0]).count("shop", "all") == 8
    for store in stores:
        store.close()


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path, *, long: bool) -> None:
    for number in range(200 if long else 40):
        start = Barrier(8)

        def open_file(engine: Engine, start: Barrier = start) -> str:
            start.wait()
            with engine.connect() as connection:
                return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())

        engines = [made_engine(f"sqlite:///{tmp_path / str(number)}.db") for _ in range(8)]
        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(open_file, engines)) == {"wal"}
        for engine in engines:
            engine.dispose()


def test_stores_live_beside_each_other_by_prefix_and_schema(postgres: Postgres) -> None:
    url = postgres.new_database()
    with (
        SqlStore(url) as plain,
        SqlStore(url, prefix="other_") as prefixed,
        SqlStore(url, schema="push") as apart,
    ):
        for number, store in enumerate((plain, prefixed, apart), 1):
            for n in range(number):
                Personalization(store).register("shop", installation=f"d{n}")
        assert [Targeting(s).count("shop", "all") for s in (plain, prefixed, apart)] == [1, 2, 3]
    migration = Migration(url, schema="later")
    assert migration.run() == REVISIONS
    migration.close()
    with SqlStore(url, schema="later", create=False) as later:
        assert Targeting(later).count("shop", "all") == 0


def test_no_tables_are_made_where_none_are_wanted(new_url: Callable[[], str]) -> None:
    url = new_url()
    with pytest.raises(StoreUnavailable, match="no store"):
        SqlStore(url, create=False)


def test_a_statement_that_takes_too_long_is_given_up(new_url: Callable[[], str]) -> None:
    url = new_url()
    if url.startswith("sqlite"):
        with pytest.raises(InvalidValue, match="statement_timeout"):
            SqlStore(url, statement_timeout=1)
        return
    sleep = "select pg_sleep(20)" if url.startswith("postgres") else "select sleep(20)"
    SqlStore(url).close()
    with SqlStore(url, statement_timeout=1) as store:

        def stall() -> None:
            with store.reading() as reader:
                reader._connection.execute(text(sleep)).all()

        with pytest.raises(StoreUnavailable):
            stall()

        def registered() -> str:
            with suppress(StoreUnavailable):  # a busy server may need a second for this one, too
                return Personalization(store).register("shop", installation="a").outcome
            return ""

        wait_until(registered, "a statement that takes less")
