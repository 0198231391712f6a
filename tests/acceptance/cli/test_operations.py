"""What operators run, as they run it (R37)."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.conftest import LOGIN, REGISTER, Run, write

DAY = Path(__file__).parents[3] / "docs" / "day.jsonl"


@pytest.fixture
def run(run: Run) -> Run:
    run("apply", str(DAY))
    return run


def damage(tmp_path: Path, statement: str) -> None:
    with closing(sqlite3.connect(tmp_path / "addressee.db")) as connection:
        connection.execute(statement)
        connection.commit()


def test_R37_verify_finds_and_rebuild_mends(run: Run, tmp_path: Path) -> None:
    clean = run("verify")
    assert (clean.returncode, clean.stdout) == (0, "")
    assert "sealed up to 0, no differences" in clean.stderr
    damage(tmp_path, "update addressee_installation set person = 'x' where person is not null")
    found = run("verify")
    assert found.returncode == 1
    assert "installation\t" in found.stdout
    rows = [json.loads(line) for line in run("verify", "--format", "jsonl").stdout.splitlines()]
    assert {row["place"] for row in rows} == {"installation"}
    assert all(row["problem"].startswith("person is x, the ledger says ") for row in rows)
    alone = run("rebuild", "--only", "audiences")
    assert alone.stdout.startswith("rebuilt audiences from the ledger up to position ")
    assert run("verify").returncode == 1
    assert run("rebuild", "--workers", "4").returncode == 0
    assert run("verify").returncode == 0
    assert run("rebuild", "--workers", "0").returncode == 2
    assert run("target", "all", "--app", "app-code-1", "--count").stdout != "0\n"


def test_R37_an_event_that_was_changed_or_removed_is_named(run: Run, tmp_path: Path) -> None:
    damage(tmp_path, "drop trigger addressee_event_no_DELETE")
    last = "select max(position) from addressee_event where topic like '%DeviceDepersonalized'"
    damage(tmp_path, f"delete from addressee_event where position = ({last})")  # noqa: S608 # ours
    assert " lacks a DeviceDepersonalized that " in run("verify").stdout.replace("\t", " ")
    damage(tmp_path, "delete from addressee_event where version = 2 and stream like 'inst%'")
    found = run("verify")
    assert found.returncode == 1
    assert "stream\tinstallation:" in found.stdout
    assert "version 3 at position" in found.stdout
    damage(tmp_path, "drop trigger addressee_event_no_UPDATE")
    damage(tmp_path, "update addressee_event set state = '{}' where version = 1")
    broken = run("verify")
    assert broken.returncode == 1
    assert "ledger\t" in broken.stdout


def test_what_can_not_be_rebuilt_is_refused(run: Run) -> None:
    refused = run("rebuild", "--only", "everything")
    assert refused.returncode == 2
    assert "installations" in refused.stderr
    missing = run("verify", "--store", "sqlite:///none.db")
    assert (missing.returncode, missing.stdout) == (2, "")


def test_R26_sessions_that_have_expired_end(run: Run, tmp_path: Path) -> None:
    run("app", "add", "shop", "--session-idle", "60")
    now = datetime.now(UTC)
    lines: list[object] = []
    for name, minutes in (("old", 5), ("new", 0)):
        at = (now - timedelta(minutes=minutes)).isoformat()
        device = {"installation": name, "at": at}
        lines += [
            {"command": "register", "application": "shop", **device},
            {"command": "personalize", "identity": {"external_id": name}, **device},
        ]
    run("apply", str(write(tmp_path / "f.jsonl", *lines)))
    person = run("who", "old").stdout.strip()
    dry = run("expire-sessions", "--dry-run")
    assert (dry.stdout, dry.stderr) == (f"old\t{person}\n", "1 sessions would end\n")
    assert run("who", "old").stdout == f"{person}\n"
    done = run("expire-sessions", "--format", "jsonl")
    assert json.loads(done.stdout) == {"installation": "old", "person": person}
    assert (done.returncode, done.stderr) == (0, "1 sessions ended\n")
    assert run("who", "old").stdout == "nobody\n"
    assert run("who", "new").stdout != "nobody\n"
    assert "session_expired" in run("history", "--installation", "old").stdout
    again = run("expire-sessions")
    assert (again.stdout, again.stderr) == ("", "0 sessions ended\n")


def test_R54_unused_installations_are_counted_and_expire(run: Run, tmp_path: Path) -> None:
    lines = [
        {**REGISTER, "at": "2026-01-01T08:00:00"},
        {**LOGIN, "at": "2026-01-01T08:00:00"},
    ]
    run("apply", str(write(tmp_path / "f.jsonl", *lines)))
    run("app", "add", "shop", "--stale-after", "60", "--expire-after", "3600")
    person = run("who", "a").stdout
    dry = run("expire-sessions", "--dry-run")
    assert dry.stdout == f"a\t{person}"
    told = "shop: 1 are stale\n0 sessions would end\n1 installations would expire\n"
    assert dry.stderr == told
    done = run("expire-sessions", "--format", "jsonl")
    assert json.loads(done.stdout) == {
        "installation": "a",
        "person": person.strip(),
        "expired": True,
    }
    assert done.stderr == "0 sessions ended\n1 installations expired\n"
    assert "inactive" in run("history", "--installation", "a").stdout
    refused = run("app", "add", "shop", "--session-idle", "3600")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "expire_after should be shorter than session_idle" in refused.stderr
    assert run("app", "add", "shop", "--session-idle", "60", "--expire-after", "0").returncode == 0
