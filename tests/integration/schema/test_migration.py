"""Tables are made, migrated, or refused; never half, and never twice."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from runpy import run_path
from typing import Any, cast

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from addressee.adapters.cli import main
from addressee.adapters.sql import Rebuild, SqlStore, unfilled
from addressee.adapters.sql.engine.dialects import DIALECTS
from addressee.adapters.sql.schema.migration import FOLDER, Migration
from addressee.application import Personalization, Targeting, verify
from addressee.domain import Conflict, StoreDamaged, StoreOutdated, StoreUnavailable
from tests.integration.schema.revisions import BEFORE, CHECKS, MIGRATIONS, REVISIONS, TRIGGERS, undo


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
    versions = [*(FOLDER / "versions").rglob("v*.py")]
    assert versions
    for path in versions:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not any(name.name.startswith("addressee") for name in node.names), path
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                assert not (node.module or "").startswith("addressee"), path


@pytest.mark.parametrize("path", sorted((FOLDER / "versions").rglob("v*.py")), ids=lambda p: p.stem)
def test_what_a_migration_says_by_database_it_says_of_each(path: Path) -> None:
    for name, value in run_path(str(path)).items():
        if isinstance(value, dict) and "mariadb" in value:
            assert {*cast("dict[str, object]", value)} == {*DIALECTS}, name


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
    assert migration.run("before") == REVISIONS[2:BEFORE]
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
        (("--before-deploy",), MIGRATIONS[1:BEFORE]),
        ((), [*MIGRATIONS[BEFORE:], "filled the installations and addresses and audiences"]),
        ((), ["nothing to do"]),
    ):
        monkeypatch.setattr("sys.argv", ["addressee", "migrate", "--store", url, *arguments])
        with pytest.raises(SystemExit):
            main()
        assert capsys.readouterr().out.splitlines() == expected
    with SqlStore(url) as store:
        assert [each.address for each in Targeting(store).recipients("shop", "all")] == ["t"]
        assert verify(store).differences == ()


def test_R38_addresses_are_copied_and_what_earlier_code_writes_later_is_filled_in(
    new_url: Callable[[], str],
) -> None:
    url = new_url()
    written = text(
        "insert into addressee_address (ordinal, service, address, details, since)"
        " values (:ordinal, 'webpush', :address, :details, 1795773600000000)"
    )
    at = {"address": "https://push.example/ü".encode(), "details": b'{"auth": "a b"}'}
    with SqlStore(url) as store:
        people = Personalization(store)
        for name in ("before", "later"):
            people.register(
                "shop",
                installation=name,
                push_service="webpush",
                push_token=f"https://push.example/{name}",
                webpush_auth="a b",
            )
        people.register("shop", installation="none")
        with store.database.writing() as connection:
            undo(connection, *REVISIONS[:6:-1])
            connection.execute(written, {"ordinal": 1, **at})
    with pytest.raises(StoreOutdated):
        SqlStore(url)
    migration = Migration(url)
    assert migration.run("before") == REVISIONS[7:BEFORE]
    with SqlStore(url) as store:
        [found] = Targeting(store).recipients("shop", "all")
        assert (found.installation, found.service) == ("before", "webpush")
        assert (found.address.encode(), found.details) == (at["address"], {"auth": "a b"})
        assert found.since == datetime(2026, 11, 27, 10, tzinfo=UTC)
        people = Personalization(store)
        people.register("shop", installation="new", push_token="t", os="Android")
        with store.database.writing() as connection:
            connection.execute(written, {"ordinal": 2, **at})
        assert unfilled(store) == ["installations", "addresses", "audiences"], (
            "one that is new does not count for all"
        )
        assert migration.run() == REVISIONS[BEFORE:]
        Rebuild(store, unfilled(store)).run()
        assert [each.address for each in Targeting(store).recipients("shop", "all")] == [
            "https://push.example/before",
            "https://push.example/later",
            "t",
        ]
        assert verify(store).differences == ()
        assert unfilled(store) == []
    migration.close()


def test_R54_installations_of_before_0012_are_found_to_be_unused_once_it_is_filled(
    new_url: Callable[[], str],
) -> None:
    url = new_url()
    with SqlStore(url) as store:
        Personalization(store).register("shop", installation="before")
        with store.database.writing() as connection:
            undo(connection, *REVISIONS[:10:-1])
    with pytest.raises(StoreOutdated):
        SqlStore(url)
    migration = Migration(url)
    assert migration.run("before") == REVISIONS[11:BEFORE]
    with SqlStore(url) as store:
        Personalization(store).register("shop", installation="new")
        late = datetime.now(UTC) + timedelta(days=1)
        with store.reading() as view:
            assert view.idle("shop", late, 9, anonymous=True) == ()
        assert verify(store).differences == ()
        assert migration.run() == REVISIONS[BEFORE:]
        assert unfilled(store) == ["installations"]
        Rebuild(store, unfilled(store)).run()
        with store.reading() as view:
            assert view.idle("shop", late, 9, anonymous=True) == ["before", "new"]
        assert verify(store).differences == ()
    migration.close()


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
    assert told("--before-deploy").splitlines() == MIGRATIONS[:BEFORE]
    assert told().splitlines() == MIGRATIONS[BEFORE:]
    assert told() == "nothing to do\n"
    assert told("--dry-run") == ""
