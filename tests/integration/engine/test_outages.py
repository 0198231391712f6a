"""The database fails over, restarts or kills sessions: typed errors, and then it works again."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Barrier

import pytest
from eventsourcing.utils import Environment
from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import OperationalError

from addressee.adapters.recorder import RecorderStore
from addressee.adapters.sql import Rebuild, SqlFactory, SqlStore
from addressee.adapters.sql.engine.dialects import dialect_of
from addressee.adapters.sql.schema.append_only import triggers
from addressee.adapters.sql.schema.migration import Migration
from addressee.adapters.sql.schema.tables import REVISION, Schema
from addressee.application import Identity, Personalization, Targeting, verify
from addressee.domain import AddresseeError, Conflict, InvalidValue, StoreUnavailable
from tests.integration.schema.revisions import REVISIONS, undo
from tests.patience import PATIENCE, wait_until
from tests.servers import MariaDB, Postgres

SERVERS = ["postgresql", pytest.param("mariadb", marks=pytest.mark.mariadb)]


@pytest.fixture(params=SERVERS)
def server_url(request: pytest.FixtureRequest) -> str:
    server = request.getfixturevalue("postgres" if request.param == "postgresql" else "mariadb")
    url: str = server.new_database()
    return url


@contextmanager
def administrator(url: str | URL) -> Generator[Engine]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        yield engine
    finally:
        engine.dispose()


def run(engine: Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def kill_sessions(engine: Engine) -> int:
    """End every session of the engine's database but its own; return how many there were."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            killed = connection.exec_driver_sql(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            return len(killed.all())
        found = connection.exec_driver_sql(
            "select id from information_schema.processlist"
            " where db = database() and id <> connection_id()"
        )
        numbers = found.scalars().all()
        for number in numbers:
            with suppress(OperationalError):  # it may have ended by itself
                connection.exec_driver_sql(f"kill {number}")
        return len(numbers)


def outcomes(call: Callable[[], object], times: int) -> list[str]:
    found: list[str] = []
    for _ in range(times):
        try:
            call()
            found.append("ok")
        except AddresseeError as error:
            found.append(type(error).__name__)
    return found


def test_sessions_that_stay_read_only_after_a_failover_are_replaced(postgres: Postgres) -> None:
    url = postgres.new_database()
    SqlStore(url).close()
    with administrator(url) as admin:
        setting = f"alter database {admin.url.database} set default_transaction_read_only"
        run(admin, f"{setting} = on")
        with SqlStore(url) as store:  # its session stays read-only, whatever is set later
            people = Personalization(store)
            for call in (store.ping, lambda: people.register("shop")):
                with pytest.raises(StoreUnavailable, match="read-only"):
                    call()
            assert Targeting(store).count("shop", "all") == 0
            run(admin, f"{setting} = off")
            found = outcomes(lambda: people.register("shop"), 20)
            assert found == ["StoreUnavailable", *["ok"] * 19], "one error for one old session"
            store.ping()


@pytest.mark.mariadb
def test_a_read_only_server_is_left_for_another(mariadb: MariaDB) -> None:
    url = make_url(mariadb.new_database())
    SqlStore(url).close()
    with administrator(url) as admin:
        run(
            admin,
            "create or replace user clerk identified by 'secret'",
            f"grant all on {url.database}.* to clerk",
        )
        with SqlStore(url.set(username="clerk", password="secret")) as store:
            people = Personalization(store)
            people.register("shop")
            before = session_of(store)
            run(admin, "set global read_only = 1")
            try:
                for call in (store.ping, lambda: people.register("shop")):
                    with pytest.raises(StoreUnavailable, match="read-only"):
                        call()
                assert Targeting(store).count("shop", "all") == 1
            finally:
                run(admin, "set global read_only = 0")
            assert session_of(store) != before, "a new session might have reached another server"
            assert outcomes(lambda: people.register("shop"), 3) == ["ok"] * 3
            store.ping()


def session_of(store: SqlStore) -> object:
    with store.database.reading() as connection:
        return connection.exec_driver_sql("select connection_id()").scalar_one()


def test_killed_sessions_are_one_typed_error_each(server_url: str) -> None:
    with SqlStore(server_url) as store, administrator(server_url) as admin:
        people, reach = Personalization(store), Targeting(store)
        phone = people.register("shop").installation
        for call in (lambda: people.touch(phone), lambda: reach.count("shop", "all")):
            call()
            kill_sessions(admin)
            found = outcomes(call, 5)
            assert set(found) <= {"ok", "StoreUnavailable"}
            assert found[1:] == ["ok"] * 4


def wait_for_a_lock(connection: Connection) -> None:
    """Return once another session waits for a lock."""
    waiting = "select count(*) from pg_locks where not granted"
    wait_until(lambda: connection.exec_driver_sql(waiting).scalar_one(), "a wait for a lock")


def test_a_view_that_deadlocks_with_a_migration_begins_again(postgres: Postgres) -> None:
    url = postgres.new_database()
    with SqlStore(url) as store, administrator(url) as admin, ThreadPoolExecutor(1) as threads:
        Personalization(store).register("shop")
        with admin.connect() as connection:
            for statement in (
                "set deadlock_timeout = '30s'",  # so that the view is the one that notices
                "begin",
                "lock table addressee_event in access exclusive mode",
            ):
                connection.exec_driver_sql(statement)
            count = threads.submit(Targeting(store).count, "shop", "all")
            wait_for_a_lock(connection)
            connection.exec_driver_sql("lock table addressee_installation")  # the view has it
            connection.exec_driver_sql("commit")
        assert count.result(PATIENCE) == 1


def test_a_migration_that_deadlocks_runs_again(postgres: Postgres) -> None:
    url = postgres.new_database()
    with SqlStore(url) as store, store.database.writing() as connection:
        undo(connection, *REVISIONS[:1:-1])
    migration = Migration(url)
    with administrator(url) as admin, ThreadPoolExecutor(1) as threads, admin.connect() as rival:
        for statement in (
            "set deadlock_timeout = '30s'",  # so that the migration is the one that notices
            "begin",
            "lock table addressee_event in access share mode",
        ):
            rival.exec_driver_sql(statement)
        ran = threads.submit(migration.run)
        wait_for_a_lock(rival)
        rival.exec_driver_sql("lock table addressee_seal in access share mode")
        rival.exec_driver_sql("commit")
        assert ran.result(PATIENCE) == REVISIONS[2:]
    migration.close()
    SqlStore(url, create=False).close()


def test_a_deadlock_is_a_conflict_that_says_so(server_url: str) -> None:
    with SqlStore(server_url) as store:
        for n in range(2):
            Personalization(store).register("shop", installation=f"d{n}")
        both = Barrier(2)

        def lock(mine: str, others: str) -> str:
            change = "update addressee_installation set bound_at = 1 where id = '{}'"
            try:
                with store.database.writing() as connection:
                    connection.exec_driver_sql(change.format(mine))
                    both.wait()
                    connection.exec_driver_sql(change.format(others))
            except Conflict as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(2) as threads:
            found = [*threads.map(lock, ("d0", "d1"), ("d1", "d0"))]
        assert sorted(map(bool, found)) == [False, True]
        assert "deadlock" in "".join(found)


def test_a_store_opens_and_works_with_one_connection(url: str) -> None:
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=2)
    store = SqlStore(engine)
    people = Personalization(store)
    phone = people.register("shop").installation
    with engine.begin() as connection:
        ali = Identity(external_id="ali")
        people.personalize(phone, ali, tags={"new"}, transaction=connection)
    assert Rebuild(store).run() == store.last()
    assert store.seal() is not None
    assert verify(store).differences == ()
    assert Targeting(store).count("shop", "tag:new") == 1
    engine.dispose()


def test_ledger_and_copy_may_share_one_connection(url: str) -> None:
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=2)
    factory = SqlFactory(Environment("own", {"ORIGINATOR_ID_TYPE": "text"}), engine)
    store = RecorderStore(factory.application_recorder(), SqlStore(engine))
    people = Personalization(store)
    phone = people.register("shop").installation
    people.personalize(phone, Identity(external_id="ali"))
    assert list(Targeting(store).targets("shop", "external_id:ali")) == [phone]
    engine.dispose()


@pytest.mark.mariadb
def test_what_is_longer_than_a_packet_is_refused_by_name(mariadb: MariaDB) -> None:
    url = mariadb.new_database()
    with SqlStore(url) as store, administrator(url) as admin:
        people = Personalization(store)
        phone = people.register("shop").installation
        run(admin, "set global max_allowed_packet = 1048576")
        try:
            store.close()  # the setting is a new session's
            attributes = {f"a{n}": "\N{FOX FACE}" * 4_096 for n in range(200)}
            with pytest.raises(InvalidValue, match=r"max_allowed_packet .1048576."):
                people.personalize(phone, Identity(external_id="ali"), attributes)
            # No refusal in a transaction of the host's, which is lost with its session.
            with (
                pytest.raises(StoreUnavailable, match="max_allowed_packet"),
                store.database.engine.begin() as host,
            ):
                people.personalize(phone, Identity("ali"), attributes, transaction=host)
            assert people.personalize(phone, Identity(external_id="ali")).outcome == "attached"
            assert verify(store).differences == ()
        finally:
            run(admin, "set global max_allowed_packet = 16777216")


@pytest.mark.mariadb
def test_a_rebuild_that_gets_no_second_session_says_so(
    mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addressee.adapters.sql.rebuild.rebuild.PAUSE", 0)
    monkeypatch.setattr("addressee.adapters.sql.rebuild.rebuild.ATTEMPTS", 3)
    url = make_url(mariadb.new_database())
    SqlStore(url).close()
    with administrator(url) as admin:
        run(
            admin,
            "create or replace user lonely identified by 'secret' with max_user_connections 1",
            f"grant all on {url.database}.* to lonely",
        )
    with SqlStore(url.set(username="lonely", password="secret")) as store:
        Personalization(store).register("shop")
        with pytest.raises(StoreUnavailable, match=r"not be swapped.*max_user_connections"):
            Rebuild(store).run()
        assert Targeting(store).count("shop", "all") == 1


@pytest.mark.mariadb
def test_tables_that_were_half_made_are_completed(mariadb: MariaDB) -> None:
    urls = [mariadb.new_database() for _ in range(2)]
    for url in urls:
        schema = Schema.named()
        with administrator(url) as admin, admin.connect() as connection:
            for table in (schema.event, schema.seal, schema.setting, schema.migration):
                table.create(connection)
            first = next(triggers(dialect_of(admin), admin.dialect, schema))
            connection.exec_driver_sql(first)
    with SqlStore(urls[0]) as opened:
        Personalization(opened).register("shop")
    migration = Migration(urls[1])
    assert migration.run()[-1] == REVISION
    migration.close()
    with SqlStore(urls[1], create=False) as migrated:
        Personalization(migrated).register("shop")
