"""`addressee rekey`, run as an operator runs it (R5)."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting
from addressee.domain import key_fingerprint
from tests import command_line

LINES = (
    {"command": "register", "application": "shop", "installation": "a", "push_token": "t"},
    {"command": "personalize", "installation": "a", "identity": {"external_id": "ali"}},
)
KEY, OTHER = bytes(range(16)), bytes(range(64))


def written(path: Path, key: bytes) -> str:
    path.write_text(f"{key.hex()}\n")
    return str(path)


def test_R5_a_dry_run_then_a_new_key_that_the_store_keeps(tmp_path: Path) -> None:
    run = partial(command_line.run, folder=tmp_path)
    (tmp_path / "f.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in LINES))
    run("apply", "f.jsonl")

    def exported(name: str) -> bytes:
        """Return the key, which is in a file of its own."""
        file = tmp_path / f"{name}.key"
        assert run("export", f"{name}.jsonl", "--key-file", str(file)).returncode == 0
        return bytes.fromhex(file.read_text())

    planned, first = run("rekey", "--dry-run"), exported("first")
    told: dict[str, Any] = json.loads(planned.stdout)
    numbers = {"identifiers": 1, "push_tokens": 1, "forgotten": 0}
    end = json.loads((tmp_path / "first.jsonl").read_text().splitlines()[-1])["last"]
    assert (planned.returncode, told) == (
        0,
        {"done": False, **numbers, "fingerprint": "", "position": end},
    )
    done, second = run("rekey"), exported("second")
    told = json.loads(done.stdout)
    assert (done.returncode, second != first) == (0, True)
    fingerprint = key_fingerprint(second)
    assert told == {"done": True, **numbers, "fingerprint": fingerprint, "position": end + 3}
    found = run("target", "external_id:ali", "--app", "shop", "--format", "ids")
    assert found.stdout == "a\n"
    copy = ("import", "second.jsonl", "--store", "sqlite:///copy.db", "--key-file")
    assert run(*copy, "first.key").returncode == 2
    assert run(*copy, "second.key").returncode == 0

    given = written(tmp_path / "given.key", KEY)
    assert run("rekey", "--key-file", given).returncode == 0
    assert exported("third") == KEY
    long, short = (written(tmp_path / f"{n}.key", bytes(n)) for n in (65, 15))
    (tmp_path / "none.key").write_text("no digits")
    for wrong, problem in (
        ((given,), "is one that the ledger has or had"),
        (("first.key",), "is one that the ledger has or had"),
        ((long,), "16 to 64 bytes"),
        ((short,), "16 to 64 bytes"),
        (("none.key",), "hexadecimal digits"),
        (("missing.key",), "can't be read"),
        ((written(tmp_path / "new.key", OTHER), "--old-key-file", "first.key"), "was replaced"),
    ):
        refused = run("rekey", "--key-file", *wrong)
        assert (refused.returncode, refused.stdout) == (2, ""), wrong
        assert problem in refused.stderr, wrong
    assert exported("last") == KEY
    assert run("verify").returncode == 0


def test_R5_a_host_s_key_is_given_and_so_is_the_new_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with SqlStore(url, identifier_key=KEY) as store:
        people = Personalization(store)
        people.register("shop", installation="a")
        people.personalize("a", Identity("ali"))
    run = partial(command_line.run, "rekey", "--store", url, folder=tmp_path)
    old, new = written(tmp_path / "old.key", KEY), written(tmp_path / "new.key", OTHER)
    for wrong in (("--old-key-file", old), ("--key-file", new)):
        refused = run(*wrong)
        assert (refused.returncode, refused.stdout) == (2, ""), wrong
    done = run("--old-key-file", old, "--key-file", new)
    assert json.loads(done.stdout)["fingerprint"] == key_fingerprint(OTHER)
    with SqlStore(url, identifier_key=OTHER) as store:
        assert Targeting(store).preview("shop", "external_id:ali") == ["a"]
