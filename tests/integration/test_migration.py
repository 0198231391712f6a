"""Tables are made, migrated, or refused; never half, and never twice."""

from __future__ import annotations

import ast
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from addressee.adapters.cli import main
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.engine.pool import made_engine
from addressee.adapters.sql.schema.migration import FOLDER, Migration
from addressee.application import Personalization, Targeting, verify
from addressee.domain import Conflict, InvalidValue, StoreDamaged, StoreOutdated, StoreUnavailable
from tests.servers import Postgres

CHECKS = {
    "sqlite": "select 1 where 0",
    "postgresql": "select conname, convalidated, pg_get_constraintdef(oid) from pg_constraint"
    " where contype = 'c' order by 1",
    "mariadb": "select constraint_name, check_clause from information_schema.check_constraints"
    " where constraint_schema = database() order by 1",
}
TRIGGERS = {
    "sqlite": "select sql from sqlite_master where type = 'trigger' order by name",
    "postgresql": "select action_statement, event_manipulation, event_object_table"
    " from information_schema.triggers order by 1, 2",
    "mariadb": "select action_statement, event_manipulation, event_object_table"
    " from information_schema.triggers where trigger_schema = database() order by 1, 2",
}

MIGRATIONS = [
    "0001 The ledger and its read models, as of 0.1.0.",
    "0002 Where pushes reach installations; `addressee rebuild --only addresses` fills it.",
    "0003 Events begin with position 1, nothing replaces a row, and seals name the identifier key.",
    "0004 Pushes that are sent, in batches.",
    "0005 Facts that go to other services: how much each sink has, and dead letters.",
    "0006 Dispatches that are running are found without reading the others.",
    "0007 Columns for lookups and sessions; the next `addressee migrate` fills them.",
]
REVISIONS = [line[:4] for line in MIGRATIONS]


def described(url: str) -> dict[str, Any]:
    """Return everything that a database tells of its tables."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found: dict[str, Any] = {
            name: tables_parts(connection, name) for name in inspect(connection).get_table_names()
        }
        found["triggers"] = connection.execute(text(TRIGGERS[engine.dialect.name])).all()
        found["checks"] = connection.execute(text(CHECKS[engine.dialect.name])).all()
        slots = text("select count(*) from addressee_setting where name like 'slot%'")
        found["slots"] = connection.execute(slots).scalar()
    engine.dispose()
    return found


def tables_parts(connection: Connection, name: str) -> object:
    """Return columns, keys and indexes, in an order that does not depend on how they were made."""
    looked = inspect(connection)
    return (
        [str(column) for column in looked.get_columns(name)],
        str(looked.get_pk_constraint(name)),
        sorted(str(constraint) for constraint in looked.get_unique_constraints(name)),
        sorted(str(index) for index in looked.get_indexes(name)),
        str(looked.get_table_options(name)) if connection.dialect.name == "mariadb" else "",
    )


def test_a_migrated_schema_equals_a_fresh_one(new_url: Callable[[], str]) -> None:
    fresh, migrated = new_url(), new_url()
    SqlStore(fresh).close()
    migration = Migration(migrated)
    assert migration.missing() == MIGRATIONS
    assert migration.run() == REVISIONS
    assert migration.run() == migration.missing() == migration.missing("before") == []
    migration.close()
    assert described(migrated) == described(fresh)
    with SqlStore(migrated, create=False) as store:
        Personalization(store).register("shop", installation="a")
        assert Targeting(store).count("shop", "all") == 1


def test_released_migrations_import_no_code_that_may_change() -> None:
    versions = [*(FOLDER / "versions").glob("v*.py")]
    assert versions
    for path in versions:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not any(name.name.startswith("addressee") for name in node.names), path
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                assert not (node.module or "").startswith("addressee"), path


def test_the_sql_of_a_dry_run_makes_the_same(new_url: Callable[[], str]) -> None:
    dry, fresh = new_url(), new_url()
    SqlStore(fresh).close()
    migration = Migration(dry)
    sql = migration.sql()
    assert migration.missing() == MIGRATIONS, "a dry run changed something"
    migration.close()
    engine = create_engine(dry)
    with engine.begin() as connection:
        for statement in statements_of(sql):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()
    assert described(dry) == described(fresh)


def statements_of(sql: str) -> list[str]:
    """Split a script at the ends of its statements, which a trigger's body has inside too."""
    parts = [part.strip() for part in sql.replace("'; END", "'@ END").split(";\n")]
    whole = [part.replace("'@ END", "'; END").rstrip(";") for part in parts if part]
    return [part for part in whole if part not in {"BEGIN", "COMMIT"}]


def test_tables_of_another_release_are_refused(new_url: Callable[[], str]) -> None:
    url = new_url()
    SqlStore(url).close()
    engine = create_engine(url)
    for revision, error in (("0000", StoreOutdated), ("9999", None)):
        with engine.begin() as connection:
            connection.execute(
                text("update addressee_migration set version_num = :it"), {"it": revision}
            )
        if error is None:
            SqlStore(url).close()  # of a later release, whose first part we can live with
        else:
            with pytest.raises(error, match="addressee migrate"):
                SqlStore(url)
        migration = Migration(url)
        with pytest.raises(StoreDamaged, match=revision):
            migration.run()
        migration.close()
    engine.dispose()


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


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    for number in range(200):
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


UNDONE = {
    "0002": {name: ["drop table addressee_address"] for name in TRIGGERS},
    "0003": {
        "sqlite": [
            "drop trigger addressee_event_no_REPLACE",
            "drop trigger addressee_seal_no_REPLACE",
            "drop trigger addressee_event_in_range",
            "alter table addressee_seal drop column key_fingerprint",
        ],
        "postgresql": [
            "alter table addressee_event drop constraint addressee_event_in_range",
            "alter table addressee_seal drop column key_fingerprint",
        ],
        "mariadb": [
            "drop trigger addressee_event_in_range",
            "alter table addressee_seal drop column key_fingerprint",
        ],
    },
    "0004": {
        name: ["drop table addressee_push_batch", "drop table addressee_dispatch"]
        for name in TRIGGERS
    },
    "0005": {
        name: ["drop table addressee_sink", "drop table addressee_dead_letter"] for name in TRIGGERS
    },
    "0006": {
        "sqlite": ["drop index addressee_dispatch_state"],
        "postgresql": ["drop index addressee_dispatch_state"],
        "mariadb": ["drop index addressee_dispatch_state on addressee_dispatch"],
    },
    "0007": {
        name: [
            f"drop index addressee_installation_idle{' on addressee_installation' * on}",
            "alter table addressee_installation drop column flags",
            "alter table addressee_installation drop column idle_from",
            "delete from addressee_setting where name = 'installation flags'",
        ]
        for name, on in (("sqlite", 0), ("postgresql", 0), ("mariadb", 1))
    },
}


def undo(connection: Connection, *revisions: str) -> None:
    """Take the newest migrations back, as if the store were of the release before."""
    for revision in revisions:
        for statement in UNDONE[revision][connection.dialect.name]:
            connection.execute(text(statement))
        before = f"{int(revision) - 1:04}"
        version = text("update addressee_migration set version_num = :before")
        connection.execute(version, {"before": before})


def test_R58_a_store_that_was_forged_before_can_be_migrated_and_is_found_out(
    new_url: Callable[[], str],
) -> None:
    url = new_url()
    forged = text(
        "insert into addressee_event (position, stream, version, topic, state)"
        " values (:at, 'installation:ghost', 1, 'addressee.InstallationExpired', '')"
    )
    with SqlStore(url) as store:
        Personalization(store).register("shop", installation="a")
        store.seal()
        with store.database.writing() as connection:
            undo(connection, *REVISIONS[:1:-1])
            connection.execute(forged, {"at": -3})
    migration = Migration(url)
    assert migration.run("before") == REVISIONS[2:]
    migration.close()
    with SqlStore(url) as store:
        assert "position -3" in {difference.name for difference in verify(store).differences}
        with pytest.raises((Conflict, StoreUnavailable)), store.database.writing() as connection:
            connection.execute(forged, {"at": -4})


def test_R38_a_store_of_the_release_before_gets_its_addresses(
    new_url: Callable[[], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_url()
    with SqlStore(url) as store:
        Personalization(store).register("shop", installation="a", push_token="t")
        with store.database.writing() as connection:
            undo(connection, *REVISIONS[:0:-1])
    with pytest.raises(StoreOutdated):
        SqlStore(url)
    for arguments, expected in (
        (("--before-deploy",), MIGRATIONS[1:]),
        ((), ["filled the installations and addresses"]),
        ((), ["nothing to do"]),
    ):
        monkeypatch.setattr("sys.argv", ["addressee", "migrate", "--store", url, *arguments])
        with pytest.raises(SystemExit):
            main()
        assert capsys.readouterr().out.splitlines() == expected
    with SqlStore(url) as store:
        assert [each.address for each in Targeting(store).recipients("shop", "all")] == ["t"]
        assert verify(store).differences == ()


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
        Personalization(store).register("shop", installation="a")


def test_the_command_line_migrates_and_tells(
    new_url: Callable[[], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_url()

    def told(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["addressee", "migrate", "--store", url, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    assert "CREATE TABLE addressee_event" in told("--dry-run")
    assert told("--before-deploy").splitlines() == MIGRATIONS
    assert told() == "nothing to do\n"
    assert told("--dry-run") == ""
