"""From a URL or engine to a store: what can be used works, the rest is refused by name."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    History,
    Identity,
    Personalization,
    Result,
    Targeting,
    bulk,
    verify,
)
from addressee.domain import Conflict, InvalidValue, StoreUnavailable
from tests.patience import PATIENCE
from tests.servers import Postgres


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql+psycopg://u:s3@cret@h.invalid/db",
        "mariadb+pymysql://u:s3@cret@h.invalid/db",
        "postgresql+psycopg://u:s3@h:cret/db",
        "postgresql+psycopg://u:s3cret@h:abc/db",
        "postgresql+psycopg://u:s3cret@[::1/db",
        "postgresql+psycopg://u:s3cret@127.0.0.1:1/db?passwort=cret",
        "postgresql+psycopg://u:s3cret@127.0.0.1:1/db?prepare_threshold=cret",
        "mariadb+pymysql://u:s3cret@127.0.0.1:1/db?passwort=cret",
        "mariadb+pymysql://u:s3cret@127.0.0.1:1/db?charset=cret",
        "sqlite://u:s3cret@h/db",
        "sqlite+aiosqlite:///a.db",
        "postgresql+psycopg_async://u:s3cret@h/db",
        "::://",
        "mongodb://u:s3cret@h/db",
        "postgresql+cret://u:s3cret@h/db",
    ],
)
def test_a_wrong_url_is_one_line_without_any_part_of_its_password(wrong: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        SqlStore(wrong)
    assert str(refused.value).startswith("store ")
    assert "\n" not in str(refused.value)
    if "+cret" not in wrong:
        assert "cret" not in "".join(format_exception(refused.value))


def test_an_asynchronous_engine_is_refused_with_what_to_do(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    with pytest.raises(InvalidValue, match="is an asynchronous engine"):
        SqlStore(engine)  # type: ignore[arg-type] # as an untyped host may


def register(people: Personalization) -> Result:
    return people.register("shop")


@pytest.mark.parametrize("prefix", ["Push_", "ü_", "x" * 40, "1st_", ""])
def test_odd_prefixes_work_or_are_refused_by_name(new_url: Callable[[], str], prefix: str) -> None:
    with SqlStore(new_url(), prefix=prefix) as store:
        people = Personalization(store)
        phone = people.register("shop").installation
        people.personalize(phone, Identity(external_id="ali"), tags={"vip"})
        many = 600 if store.database.dialect.arrays else 20  # so many that PostgreSQL copies them
        bulk(people, [register for _ in range(many)])
        assert Rebuild(store).run() == store.last()
        assert store.seal() is not None
        assert verify(store).differences == ()
        assert Targeting(store).count("shop", "tag:vip") == 1


@pytest.mark.parametrize("name", ["push-", "100%_", 'a"b', "x" * 41, "a b", "a.b", "a;"])
def test_what_is_no_prefix_or_schema_is_refused_by_name(url: str, name: str) -> None:
    with pytest.raises(InvalidValue, match="prefix"):
        SqlStore(url, prefix=name)
    with pytest.raises(InvalidValue, match="schema"):
        SqlStore(url, schema=name)


def test_a_schema_may_have_capital_letters(postgres: Postgres) -> None:
    url = postgres.new_database()
    with SqlStore(url, schema="Mobile", prefix="Push_") as store:
        Personalization(store).register("shop")
        assert Rebuild(store).run() == store.last()
        assert Targeting(store).count("shop", "all") == 1


def test_an_engine_of_which_sqlalchemy_begins_each_transaction_works(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    store = SqlStore(engine)
    people = Personalization(store)
    phone = people.register("shop").installation
    with engine.begin() as connection:
        people.personalize(phone, Identity(external_id="ali"), transaction=connection)
    assert Rebuild(store).run() == store.last()
    assert verify(store).differences == ()
    assert list(Targeting(store).targets("shop", "external_id:ali")) == [phone]
    engine.dispose()


def test_an_engine_of_which_the_driver_begins_is_refused_with_the_reason(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/a.db", connect_args={"autocommit": False})
    known = sys.version_info >= (3, 12)  # before, the driver has no such mode
    with pytest.raises(InvalidValue, match="leave `autocommit`" if known else "option"):
        SqlStore(engine)
    engine.dispose()


def test_R32_a_hosts_transaction_that_is_too_old_to_write_is_told_to_begin_again(
    tmp_path: Path,
) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/a.db") as other:
        engine = create_engine(f"sqlite:///{tmp_path}/a.db")
        people = Personalization(SqlStore(engine))
        phone = people.register("shop").installation
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql("SELECT count(*) FROM addressee_event").scalar_one()
            Personalization(other).register("shop")
            with pytest.raises(Conflict, match="BEGIN IMMEDIATE"):
                people.personalize(phone, Identity(external_id="ali"), transaction=connection)
            connection.rollback()
        with engine.begin() as connection:
            people.personalize(phone, Identity(external_id="ali"), transaction=connection)
        engine.dispose()


def test_a_file_that_may_only_be_read_says_so(tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/a.db") as store:
        Personalization(store).register("shop")
    with SqlStore(f"sqlite:///file:{tmp_path}/a.db?mode=ro&immutable=1&uri=true") as fixed:
        assert Targeting(fixed).count("shop", "all") == 1
        with pytest.raises(StoreUnavailable, match="readonly"):
            Personalization(fixed).register("shop")


def test_commands_of_an_asynchronous_host_wait_without_blocking_its_loop(tmp_path: Path) -> None:
    async def main() -> int:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db")

        async def call(work: Callable[[], Any]) -> Any:  # noqa: ANN401 # whatever it returns
            async with engine.connect() as connection:
                return await connection.run_sync(lambda _: work())

        store = await call(lambda: SqlStore(engine.sync_engine))
        people = Personalization(store)
        await asyncio.gather(*(call(lambda: people.register("shop")) for _ in range(4)))
        assert len(await call(lambda: list(History(store).actor("device")))) == 4
        count: int = await call(lambda: Targeting(store).count("shop", "all"))
        await engine.dispose()
        return count

    assert asyncio.run(asyncio.wait_for(main(), PATIENCE)) == 4
