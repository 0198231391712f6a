"""The command line opens sealed stores with the keys that the environment names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.keys.sql_keys import ROW
from addressee.adapters.sql import SqlStore
from addressee.application import Rights
from addressee.domain import StoreUnavailable
from tests.command_line import run
from tests.integration.event_store.seals.sealing import UNGUARD
from tests.integration.sealing.conftest import found_in

LINES: list[dict[str, Any]] = [
    {"command": "register", "application": "shop", "installation": "phone", "push_token": "t1"},
    {
        "command": "personalize",
        "installation": "phone",
        "identity": {"emails": ["unmistakable@x.com"]},
    },
]


Asks = Callable[..., CompletedProcess[str]]
LEDGER = {"ADDRESSEE_URL": "sqlite:///shop.db"}
NAMED = LEDGER | {"ADDRESSEE_KEYS": "sqlite:///keys.db", "ADDRESSEE_WRAPPING_KEY": "wrapping.key"}


@pytest.fixture
def asks(tmp_path: Path) -> Asks:
    """Return what runs a command on a sealed store, whose keys it has unless it is to have none."""
    (tmp_path / "lines.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in LINES))
    (tmp_path / "wrapping.key").write_text(f"{bytes(range(32)).hex()}\n")

    def ask(*words: str, keys: bool = True) -> CompletedProcess[str]:
        return run(*words, folder=tmp_path, environment=NAMED if keys else LEDGER)

    assert ask("apply", "lines.jsonl").returncode == 0
    return ask


def test_R50_without_its_keys_a_ledger_is_verified_as_far_as_it_can_be_read(
    asks: Asks, tmp_path: Path
) -> None:
    assert "not interpreted" not in asks("verify").stderr
    assert asks("seal").returncode == 0
    done = asks("verify", keys=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    events = int(done.stderr.split()[0])
    assert f"{events} events were not interpreted" in done.stderr
    refused = asks("target", "all", "--app", "shop", keys=False)
    assert refused.returncode == 2
    assert "STORE_SEALED" in refused.stderr
    for said in (done.stderr, refused.stderr):
        assert "ADDRESSEE_KEYS" in said
        assert "ADDRESSEE_WRAPPING_KEY" in said
    with SqlStore(f"sqlite:///{tmp_path}/shop.db") as store:
        event = store.parts.prepared.schema.event
        with store.database.writing() as connection:
            for statement in UNGUARD["sqlite"]:
                connection.exec_driver_sql(statement)
            connection.execute(event.delete().where(event.c.position == 1))
    found = asks("verify", "--format", "jsonl", keys=False)
    assert found.returncode == 1
    assert {json.loads(line)["place"] for line in found.stdout.splitlines()} == {"stream", "seal"}


def test_R54_persons_without_installations_are_erased_by_time(asks: Asks, tmp_path: Path) -> None:
    def old(*words: str, store: str = "old", keys: bool = True) -> CompletedProcess[str]:
        return asks(*words, "--store", f"sqlite:///{store}.db", keys=keys)

    at = {"at": "2026-01-01T08:00:00"}
    written = [json.dumps({**each, **at}) for each in LINES]
    written.append(json.dumps({"command": "depersonalize", "installation": "phone", **at}))
    (tmp_path / "old.jsonl").write_text("\n".join(written))
    assert old("apply", "old.jsonl").returncode == 0
    for option in ("--erase-after", "--erase-anonymous"):
        refused = old("app", "add", "shop", option, "86400", store="clear", keys=False)
        assert (refused.returncode, "STORE_NOT_SEALED" in refused.stderr) == (2, True)
    assert old("app", "add", "shop", "--erase-after", "3600").returncode == 2, "a day at least"
    assert old("app", "add", "shop", "--erase-after", "86400").returncode == 0
    dry = old("erase-inactive", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "1 persons and 0 installations would be erased\n")
    planned = json.loads(dry.stdout)
    done = old("erase-inactive")
    assert (done.returncode, done.stderr) == (0, "1 persons and 0 installations erased\n")
    certificate = json.loads(done.stdout)
    assert (planned["done"], certificate["done"]) == (False, True)
    assert planned["person"] == certificate["person"]
    assert certificate == json.loads(old("erase", "--person", certificate["person"]).stdout)
    again = old("erase-inactive")
    assert (again.stdout, again.stderr) == ("", "0 persons and 0 installations erased\n")


def test_R51_a_restored_ledger_says_whom_it_does_not_know_to_be_erased_and_erases_them_again(
    asks: Asks, tmp_path: Path
) -> None:
    asks("seal")
    backup = (tmp_path / "shop.db").read_bytes()
    none = asks("erase", "--restored")
    assert (none.stdout, none.returncode) == ("", 0)
    person = json.loads(asks("erase", "--email", "unmistakable@x.com").stdout)["person"]
    assert asks("verify").returncode == 0
    (tmp_path / "shop.db").write_bytes(backup)
    assert asks("who", "phone").stdout.strip() == person, "the backup has the sign-in"

    found = asks("verify")
    assert found.returncode == 1
    [difference] = [line for line in found.stdout.splitlines() if line.startswith("person")]
    assert person in difference
    (tmp_path / "senders.toml").write_text('[shop.fcm]\nkind = "file"\npath = "sent.jsonl"\n')
    (tmp_path / "sinks.toml").write_text('[bus]\nkind = "file"\npath = "facts.jsonl"\n')
    for command in (
        ("serve", "--port", "0"),
        ("push", "all", "--app", "shop", "--text", "hello", "--senders", "senders.toml"),
        ("dispatch", "--senders", "senders.toml"),
        ("relay", "bus", "--sinks", "sinks.toml", "--once"),
    ):
        refused = asks(*command)
        assert refused.returncode == 2, command
        assert "ERASURE_FORGOTTEN" in refused.stderr
    assert asks("erase", "--restored", "--person", person).returncode == 2
    planned = json.loads(asks("erase", "--restored", "--dry-run").stdout)
    assert (planned["person"], planned["done"]) == (person, False)
    again = json.loads(asks("erase", "--restored").stdout)
    assert (again["person"], again["done"]) == (person, True)
    assert asks("who", "phone").stdout.strip() == "nobody"
    assert asks("verify").returncode == 0
    assert asks("erase", "--restored").stdout == ""


def test_R51_an_interrupted_erasure_is_found_and_goes_on(
    asks: Asks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = asks("who", "phone").stdout.strip()

    def fails(_: object) -> None:
        raise StoreUnavailable("no key store")

    with (
        SqlKeyStore(f"sqlite:///{tmp_path}/keys.db", wrapping_key=bytes(range(32))) as keys,
        SqlStore(f"sqlite:///{tmp_path}/shop.db", keys=keys) as store,
    ):
        monkeypatch.setattr(keys, "destroy", fails)
        with pytest.raises(StoreUnavailable):
            Rights(store).erase(person)
    assert person in asks("verify").stdout
    assert person in asks("verify", keys=False).stdout
    assert asks("erase", "--interrupted", "--person", person).returncode == 2
    planned = json.loads(asks("erase", "--interrupted", "--dry-run").stdout)
    assert (planned["person"], planned["done"]) == (person, False)
    assert json.loads(asks("erase", "--interrupted").stdout)["done"] is True
    assert asks("erase", "--interrupted").stdout == ""
    assert asks("verify").returncode == 0


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
    assert (tmp_path / "keys.db").stat().st_mode & 0o077 == 0, "only its owner may read it"
    planned = run("erase", *named, "--dry-run", folder=tmp_path, environment=keys)
    assert json.loads(planned.stdout)["done"] is False
    unknown = run("erase", "--person", "nope", folder=tmp_path, environment=keys)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "UNKNOWN_PERSON" in unknown.stderr
    assert "erasing" not in unknown.stderr
    elsewhere = keys | {"ADDRESSEE_KEYS": "sqlite:///nowhere.db"}
    refused = run("erase", *named, folder=tmp_path, environment=elsewhere)
    assert "no key store at nowhere.db" in refused.stderr
    assert not (tmp_path / "nowhere.db").exists()
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


def test_R50_the_wrapping_key_is_replaced_on_the_command_line(asks: Asks, tmp_path: Path) -> None:
    file = tmp_path / "wrapping.key"
    old = file.read_text()
    assert json.loads(asks("rewrap").stdout) == {"wrapped": 0, "left": 0}
    file.write_text(f"{bytes(32).hex()}\n{old}")
    planned = json.loads(asks("rewrap", "--dry-run").stdout)
    assert planned["wrapped"] == 0
    assert planned["left"] >= 1
    done = asks("rewrap")
    assert json.loads(done.stdout) == {"wrapped": planned["left"], "left": 0}
    assert done.stderr == "", "no bar in a pipe"
    file.write_text(bytes(32).hex())
    assert asks("verify").returncode == 0
    file.write_text(old)
    assert "WRAPPING_KEY_WRONG" in asks("verify").stderr
    assert asks("rewrap", keys=False).returncode == 2


def test_R50_rewrapping_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keys.db"
    with SqlKeyStore(url, wrapping_key=bytes(range(32))) as old:
        before = old.find([key.id for key in old.new_keys(1_200)])

    def fail(done: int) -> None:
        raise KeyboardInterrupt(done)

    with SqlKeyStore(url, wrapping_key=bytes(32), retired=[bytes(range(32))]) as keys:
        total = keys.wrapped_by_others()
        with pytest.raises(KeyboardInterrupt) as stopped:
            keys.rewrap(fail)
        [wrapped] = stopped.value.args
        assert keys.wrapped_by_others() == total - wrapped
        told: list[int] = []
        assert keys.rewrap(told.append) == total - wrapped
        assert told == sorted(told)
        assert told[-1] == total - wrapped
    with SqlKeyStore(url, wrapping_key=bytes(32)) as keys:
        assert keys.find([*before]) == before
