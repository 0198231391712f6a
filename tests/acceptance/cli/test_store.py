"""The option --store: URLs that are misread, read-only files; and codes that are unknown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from addressee.adapters.cli.options.store_option import existing_store
from addressee.domain import StoreUnavailable
from tests.acceptance.conftest import Run, write

REGISTER = {"command": "register", "application": "shop", "installation": "a"}
COUNT = ("target", "all", "--app", "shop", "--count")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///a?b.db", "has a ? with no options behind it"),
        ("postgresql+psycopg://u:s3@cret@h.invalid/db", "has an @ in its host"),
        ("mariadb+pymysql://u:s3@cret@h.invalid/db", "has an @ in its host"),
        ("postgresql+psycopg://u:s3@h:cret/db", "has no number as its port"),
    ],
)
@pytest.mark.parametrize("given", ["option", "environment"])
def test_a_url_that_would_be_misread_is_refused_without_its_password(
    run: Run, tmp_path: Path, url: str, says: str, given: str
) -> None:
    write(tmp_path / "f.jsonl", REGISTER)
    every = (("apply", "f.jsonl"), COUNT, ("app", "list"), ("migrate",), ("serve",))
    for words in every if given == "option" else every[1::3]:
        if given == "option":
            done = run(*words, "--store", url)
        else:
            done = run(*words, environment={"ADDRESSEE_URL": url})
        assert (done.returncode, done.stdout) == (2, ""), words
        assert done.stderr.startswith(f"addressee: REQUEST_FORMAT_INVALID: store {says}")
        assert done.stderr.count("\n") == 1
        assert "cret" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["f.jsonl"]


def test_odd_names_of_files_are_escaped(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "f.jsonl", REGISTER)
    environment = {"ADDRESSEE_URL": "sqlite:///a%3Fb%25.db"}
    run("apply", "f.jsonl", environment=environment)
    assert run(*COUNT, environment=environment).stdout == "1\n"
    assert (tmp_path / "a?b%.db").exists()


def test_a_store_that_nobody_can_write_is_read_by_a_uri(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("apply", str(write(tmp_path / "f.jsonl", REGISTER)))
    file = tmp_path / "addressee.db"
    # Asked for, not made: whoever runs the tests may be root, who may write everything.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreUnavailable, match="must be writable") as refused:
        existing_store(f"sqlite:///{file}").__enter__()
    url = str(refused.value).rsplit(maxsplit=1)[-1]
    for words in (COUNT, ("who", "a"), ("verify",), ("history", "--installation", "a")):
        assert run(*words, "--store", url).returncode == 0, words
    write(tmp_path / "g.jsonl", REGISTER | {"installation": "b"})
    refused_command = run("apply", "g.jsonl", "--store", url)
    assert (refused_command.returncode, refused_command.stderr.count("\n")) == (2, 1)
    assert "readonly" in refused_command.stderr
    missing = run(*COUNT, "--store", url.replace("addressee.db", "none.db"))
    assert "there is no store at" in missing.stderr
    assert not (tmp_path / "none.db").exists()


def test_a_code_that_is_unknown_is_told_with_near_ones(run: Run, tmp_path: Path) -> None:
    run("apply", str(write(tmp_path / "f.jsonl", REGISTER)))
    run("app", "add", "shopping")
    for code, told in (
        ("shop", ""),
        ("shopping", ""),
        ("shoping", "no application shoping is known here; did you mean shopping?\n"),
        ("bank", "no application bank is known here\n"),
    ):
        done = run("target", "all", "--app", code)
        assert (done.returncode, done.stderr) == (0, told)
