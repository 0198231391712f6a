"""The keys of a sealed ledger go to another key store in a file of their own."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.keys.key_export import read_keys
from addressee.domain import InvalidValue
from tests.command_line import run
from tests.integration.sealing.conftest import WRAPPING, found_in

OTHER = bytes(32)


def person(name: str) -> list[dict[str, object]]:
    return [
        {"command": "register", "application": "shop", "installation": f"phone-{name}"},
        {
            "command": "personalize",
            "installation": f"phone-{name}",
            "identity": {"emails": [f"{name}@x.com"]},
            "attributes": {"first_name": name},
        },
    ]


def environment(store: str, keys: str, wrapping: str) -> Mapping[str, str]:
    return {
        "ADDRESSEE_URL": f"sqlite:///{store}.db",
        "ADDRESSEE_KEYS": f"sqlite:///{keys}.db",
        "ADDRESSEE_WRAPPING_KEY": wrapping,
    }


FROM = environment("one", "keys-one", "one.key")
TO = environment("two", "keys-two", "two.key")


class Shell:
    """Runs the command line in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tries(self, names: Mapping[str, str], *words: str) -> CompletedProcess[str]:
        return run(*words, folder=self.folder, environment=names)

    def does(self, names: Mapping[str, str], *words: str) -> str:
        done = self.tries(names, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuses(self, names: Mapping[str, str], *words: str) -> str:
        done = self.tries(names, *words)
        assert (done.returncode, done.stdout) == (2, ""), done.stdout
        return done.stderr


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    lines = [*person("unmistakable"), *person("gone")]
    (tmp_path / "lines.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / "one.key").write_text(WRAPPING.hex())
    (tmp_path / "two.key").write_text(f"{OTHER.hex()}\n{WRAPPING.hex()}\n")
    shell = Shell(tmp_path)
    shell.does(FROM, "apply", "lines.jsonl")
    shell.does(FROM, "erase", "--email", "gone@x.com")
    shell.does(FROM, "export", "ledger.jsonl", "--with-key", "--keys-file", "ledger.keys")
    return shell


def test_R50_a_sealed_ledger_and_its_keys_make_a_store_that_stands_alone(shell: Shell) -> None:
    folder = shell.folder
    assert (folder / "ledger.keys").stat().st_mode & 0o77 == 0
    assert found_in((folder / "ledger.keys").read_bytes()) == []
    brought = ("import", "ledger.jsonl", "--keys-file", "ledger.keys")
    shell.does(TO, *brought, "--dry-run")
    shell.does(FROM, *brought[:2], "--dry-run")
    assert "no key store at" in shell.refuses(TO, *brought[:2], "--dry-run")
    assert not [*folder.glob("two.db"), *folder.glob("keys-two.db*")], "a trial makes nothing"
    done = shell.tries(TO, *brought)
    assert (done.returncode, done.stderr) == (0, ""), "nothing is shared"
    only = environment("two", "keys-two", "only.key")
    (folder / "only.key").write_text(OTHER.hex())
    reached = ("target", "email:unmistakable@x.com", "--app", "shop", "--format", "ids")
    assert shell.does(only, *reached) == "phone-unmistakable\n"
    shell.does(only, "verify")
    shell.does(only, "erase", "--email", "unmistakable@x.com")
    assert shell.does(FROM, *reached) == "phone-unmistakable\n"
    shell.does(FROM, "verify")


def test_R50_keys_that_do_not_fit_are_refused_and_nothing_is_imported(shell: Shell) -> None:
    folder = shell.folder
    brought = ("import", "ledger.jsonl", "--keys-file")
    whole = (folder / "ledger.keys").read_bytes()
    with SqlKeyStore(f"sqlite:///{folder}/keys-one.db", wrapping_key=WRAPPING) as keys:
        for content, says in (
            (whole[: len(whole) // 2], "line"),
            (b"".join(whole.splitlines(keepends=True)[:-1]), "line"),
            (whole + b"{}\n", "not whole"),
            ((folder / "ledger.jsonl").read_bytes(), "line 1"),
        ):
            with pytest.raises(InvalidValue, match=says):
                list(read_keys(io.BytesIO(content), keys))
    (folder / "cut").write_bytes(whole[: len(whole) // 2])
    assert "line" in shell.refuses(TO, *brought, "cut")
    assert "line" in shell.refuses(TO, *brought, "cut", "--dry-run")
    (folder / "strange.key").write_text(bytes(range(1, 33)).hex())
    strange = environment("three", "keys-three", "strange.key")
    assert "WRAPPING_KEY_WRONG" in shell.refuses(strange, *brought, "ledger.keys")
    assert "is not in the key store" in shell.refuses(strange, "import", "ledger.jsonl")
    clear = {"ADDRESSEE_URL": "sqlite:///clear.db"}
    assert "STORE_SEALED" in shell.refuses(clear, *brought, "ledger.keys")
    assert not [*folder.glob("two.db"), *folder.glob("three.db"), *folder.glob("clear.db")]
    shell.does(clear, "apply", "lines.jsonl")
    refused = shell.refuses(clear, "export", "clear.jsonl", "--keys-file", "clear.keys")
    assert "STORE_NOT_SEALED" in refused
    shell.does(clear, "export", "clear.jsonl", "--with-key")
    assert "in clear" in shell.refuses(TO, "import", "clear.jsonl", "--keys-file", "ledger.keys")
    assert "exists already" in shell.refuses(
        FROM, "export", "again.jsonl", "--keys-file", "ledger.keys"
    )


def test_R51_what_is_destroyed_does_not_come_back_with_a_file(tmp_path: Path) -> None:
    with (
        SqlKeyStore(f"sqlite:///{tmp_path}/a.db", wrapping_key=WRAPPING) as one,
        SqlKeyStore(f"sqlite:///{tmp_path}/b.db", wrapping_key=WRAPPING) as other,
    ):
        first, second, third = one.new_keys(3)
        before = one.opened(one.copies([first.id, second.id]))
        assert other.put(before) == 2
        other.destroy([first.id])
        one.destroy([second.id, third.id])
        copies = [*one.copies([first.id, second.id, third.id])]
        assert other.put(one.opened(copies)) == 1
        found = other.find([first.id, second.id, third.id])
        assert found == {first.id: None, second.id: second.secret, third.id: None}
