"""The command line opens sealed stores with the keys that the environment names."""

from __future__ import annotations

import json
from pathlib import Path

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.keys.sql_keys import ROW
from tests.command_line import run
from tests.integration.sealing.conftest import found_in

LINES = [
    {"command": "register", "application": "shop", "installation": "phone", "push_token": "t1"},
    {
        "command": "personalize",
        "installation": "phone",
        "identity": {"emails": ["unmistakable@x.com"]},
    },
]


def test_R50_a_person_is_erased_by_command_line(tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in LINES))
    (tmp_path / "wrapping.key").write_text(f"{bytes(range(32)).hex()}\n")
    keys = {
        "ADDRESSEE_URL": "sqlite:///shop.db",
        "ADDRESSEE_KEYS": "sqlite:///keys.db",
        "ADDRESSEE_WRAPPING_KEY": "wrapping.key",
    }
    named = ("--email", "unmistakable@x.com")
    for words in (
        ("apply", "lines.jsonl"),
        ("export", "ledger.jsonl", "--with-key"),
        ("import", "ledger.jsonl", "--dry-run"),
        ("import", "ledger.jsonl", "--store", "sqlite:///copy.db"),
    ):
        done = run(*words, folder=tmp_path, environment=keys)
        assert done.returncode == 0, done.stderr
        assert ("destroys the data in both" in done.stderr) == (words[0] == "import")
    for path in (*tmp_path.glob("*.db*"), tmp_path / "ledger.jsonl"):
        assert found_in(path.read_bytes()) == []
    planned = run("erase", *named, "--dry-run", folder=tmp_path, environment=keys)
    assert json.loads(planned.stdout)["done"] is False
    erased = run("erase", *named, folder=tmp_path, environment=keys)
    certificate = json.loads(erased.stdout)
    assert certificate["done"]
    assert certificate["installations"] == ["phone"]
    assert f"erasing person {certificate['person']}" in erased.stderr
    again = run("erase", "--person", certificate["person"], folder=tmp_path, environment=keys)
    assert json.loads(again.stdout) == certificate
    assert run("verify", folder=tmp_path, environment=keys).returncode == 0
    assert run("seal", folder=tmp_path, environment=keys | {"ADDRESSEE_KEYS": "",
               "ADDRESSEE_WRAPPING_KEY": ""}).returncode == 0  # fmt: skip
    for wrong, says in (
        ({"ADDRESSEE_KEYS": ""}, "need both"),
        ({"ADDRESSEE_KEYS": "", "ADDRESSEE_WRAPPING_KEY": ""}, "STORE_SEALED"),
        ({"ADDRESSEE_WRAPPING_KEY": "none"}, "can't be read"),
        ({"ADDRESSEE_WRAPPING_KEY": "lines.jsonl"}, "hexadecimal digits"),
        ({"ADDRESSEE_KEYS": "sqlite:///shop.db"}, "a file of their own"),
    ):
        refused = run("verify", folder=tmp_path, environment=keys | wrong)
        assert (refused.returncode, refused.stdout) == (2, ""), says
        assert says in refused.stderr


def test_R50_a_dry_run_of_an_import_makes_no_keys(tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in LINES))
    (tmp_path / "wrapping.key").write_text(f"{bytes(range(32)).hex()}\n")
    keys = {"ADDRESSEE_KEYS": "sqlite:///keys.db", "ADDRESSEE_WRAPPING_KEY": "wrapping.key"}
    for words in (("apply", "lines.jsonl"), ("export", "ledger.jsonl", "--with-key")):
        assert run(*words, "--store", "sqlite:///clear.db", folder=tmp_path).returncode == 0
    words = ("import", "ledger.jsonl", "--dry-run")
    done = run(*words, folder=tmp_path, environment=keys)
    assert done.returncode == 0, done.stderr
    with (
        SqlKeyStore(f"sqlite:///{tmp_path}/keys.db", wrapping_key=bytes(range(32))) as made,
        made.database.reading() as connection,
    ):
        names = connection.exec_driver_sql("SELECT id FROM addressee_key").scalars().all()
    assert names == [ROW]
