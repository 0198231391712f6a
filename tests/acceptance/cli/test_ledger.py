"""Sealing, export and import from the command line, run as a person runs it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.acceptance.conftest import REGISTER, Run, write
from tests.forked import forked

DAY = Path(__file__).parents[3] / "docs" / "day.jsonl"


@pytest.fixture
def day(run: Run) -> str:
    """Return the URL of a store that has lived through a day."""
    run("apply", str(DAY), "--store", "sqlite:///day.db")
    return "sqlite:///day.db"


def test_the_ledger_is_sealed_and_checked(run: Run, day: str, tmp_path: Path) -> None:
    first = run("seal", "--store", day, "--format", "jsonl")
    assert (first.returncode, first.stderr) == (0, "")
    head = json.loads(first.stdout)
    assert (head["number"], head["first"]) == (1, 1)
    assert head["last"] == head["events"] > 20
    shown = run("seal", "--store", day).stdout.rstrip("\n").split("\t")
    assert shown == [str(value) for value in head.values()]
    more = {"command": "register", "application": "shop", "installation": "later"}
    (tmp_path / "more.jsonl").write_text(json.dumps(more))
    run("apply", "more.jsonl", "--store", day)
    second = run("seal", "--store", day, "--format", "jsonl")
    assert json.loads(second.stdout)["number"] == 2
    (tmp_path / "heads.jsonl").write_text(first.stdout + second.stdout)
    checked = run("seal", "--store", day, "--check", "heads.jsonl")
    assert (checked.returncode, checked.stdout) == (0, "the ledger holds to all 2 seals\n")
    with closing(sqlite3.connect(tmp_path / "day.db")) as database:
        database.execute("drop trigger addressee_event_no_UPDATE")
        database.execute(
            "update addressee_event set topic = 'x' where position = ?", [head["last"] + 1]
        )
        database.commit()
    checked = run("seal", "--store", day, "--check", "heads.jsonl")
    problem = f"position {head['last'] + 1}: the ledger up to there is not what was sealed\n"
    assert (checked.returncode, checked.stdout, checked.stderr) == (1, problem, "")


def test_R58_a_ledger_that_ends_early_and_another_key_are_named(
    run: Run, day: str, tmp_path: Path
) -> None:
    sealed = run("seal", "--store", day, "--format", "jsonl")
    (tmp_path / "heads.jsonl").write_text(sealed.stdout)
    last = json.loads(sealed.stdout)["last"]
    with closing(sqlite3.connect(tmp_path / "day.db")) as database:
        database.execute("drop trigger addressee_event_no_DELETE")
        database.execute("delete from addressee_event where position = ?", [last])
        database.execute("update addressee_setting set value = 'x' where name = 'identifier_key'")
        database.commit()
    checked = run("seal", "--store", day, "--check", "heads.jsonl")
    problems = f"position {last}: the ledger ends at {last - 1}\n"
    problems += "the identifier key is not the one that was sealed\n"
    assert (checked.returncode, checked.stdout, checked.stderr) == (1, problems, "")


@pytest.mark.parametrize(
    "line", ["", "{}", '{"last":0,"digest":"00"}', "[]", '{"last":"x","digest":7}']
)
def test_what_is_no_seal_is_refused(run: Run, day: str, tmp_path: Path, line: str) -> None:
    (tmp_path / "heads.jsonl").write_text(f"{line}\n")
    done = run("seal", "--store", day, "--check", "heads.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("addressee: REQUEST_FORMAT_INVALID: check ")
    assert done.stderr.count("\n") == 1


def test_an_empty_ledger_has_nothing_to_seal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    run("apply", "none.jsonl", "--store", "sqlite:///empty.db")
    done = run("seal", "--store", "sqlite:///empty.db")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "nothing to seal: the ledger is empty\n"
    assert run("seal", "--store", "sqlite:///missing.db").returncode == 2
    assert not (tmp_path / "missing.db").exists()


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_ledger_goes_into_a_file_and_another_store(
    run: Run, day: str, tmp_path: Path, form: str
) -> None:
    done = run("export", f"one.{form}", "--store", day, "--key-file", "key")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("exported 120 events up to position 120")
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    tried = run(
        "import", f"one.{form}", "--key-file", "key", "--dry-run", "--store", "sqlite:///b.db"
    )
    assert tried.stdout == "could import 120 events up to position 120\n"
    assert not (tmp_path / "b.db").exists()
    filled = run("import", f"one.{form}", "--key-file", "key", "--store", "sqlite:///b.db")
    assert (filled.returncode, filled.stdout) == (0, "imported 120 events up to position 120\n")
    run("export", f"two.{form}", "--store", "sqlite:///b.db")
    assert (tmp_path / f"one.{form}").read_bytes() == (tmp_path / f"two.{form}").read_bytes()
    asked = ("target", "email:ali@x.com", "--app", "app-code-1", "--store")
    assert run(*asked, "sqlite:///b.db").stdout == run(*asked, day).stdout != ""


def test_facts_go_into_a_folder_by_day_and_each_run_adds_to_it(
    run: Run, day: str, tmp_path: Path
) -> None:
    words = ("export", "facts", "--by-day", "--store", day)
    assert run(*words).stdout == "rows added: 55, of positions 1 to 120\n"
    assert run(*words).stdout == "there is nothing new\n"
    [path] = (tmp_path / "facts").rglob("*.parquet")
    assert path.parent.name == "day=2026-11-23"
    assert (tmp_path / "facts").stat().st_mode & 0o077 == 0
    write(tmp_path / "later.jsonl", REGISTER)
    run("apply", "later.jsonl", "--store", day)
    assert run(*words).stdout == "rows added: 1, of positions 121 to 121\n"


def test_what_cannot_be_exported_or_imported_is_one_clear_line(
    run: Run, day: str, tmp_path: Path
) -> None:
    run("export", "one.jsonl", "--store", day)
    (tmp_path / "bad").write_text("no digits")
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    for words, says in (
        (("export", "one.jsonl", "--store", day), "one.jsonl exists already"),
        (("export", "two.jsonl", "--store", day, "--key-file", "bad"), "bad can't be written"),
        (("export", "two.jsonl", "--store", day, "--personal"), "goes with --by-day"),
        (("export", "f", "--store", day, "--by-day", "--with-key"), "goes with no keys"),
        (("export", "-", "--store", day, "--by-day"), "can't be - here"),
        (("export", "bad", "--store", day, "--by-day"), "bad can't be written"),
        (("import", "one.jsonl", "--store", "sqlite:///c.db"), "IDENTIFIER_KEY_WRONG"),
        (("import", "none.jsonl", "--store", "sqlite:///d.db"), "none.jsonl can't be opened"),
        (
            ("import", "bad", "--store", "sqlite:///d.db"),
            "LEDGER_FILE_INVALID: ledger file, line 1",
        ),
        (("import", "zero.jsonl", "--store", "sqlite:///d.db"), "LEDGER_FILE_INVALID"),
        (("import", "one.jsonl", "--key-file", "bad"), "bad should hold hexadecimal digits"),
        (("import", "one.jsonl", "--key-file", "none"), "none can't be read"),
    ):
        done = run(*words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert says in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "two.jsonl").exists()
    assert not (tmp_path / "d.db").exists()


def test_a_person_of_the_day_is_given_what_is_held(run: Run, day: str, tmp_path: Path) -> None:
    (tmp_path / "processing.json").write_text('{"purposes": ["orders"]}')
    ali = ("--email", "ali@x.com", "--store", day)
    done = run("subject", *ali, "--processing", "processing.json", "--to", "ali.zip")
    assert (done.returncode, done.stderr) == (0, "")
    with ZipFile(tmp_path / "ali.zip") as file:
        held = json.loads(file.read("person.json"))
        assert json.loads(file.read("processing.json")) == {"purposes": ["orders"]}
        assert "README.txt" in file.namelist()
    assert done.stdout == f"exported person {held['person']}\n"
    assert {each["application"] for each in held["installations"]} == {"app-code-1"}
    [made] = run(
        "history", "--actor", "backend", "--store", day, "--format", "jsonl"
    ).stdout.splitlines()[-1:]
    assert json.loads(made)["event"] == "PersonExported"
    words = ("subject", "--person", held["person"], "--app", "app-code-1", "--to", "-")
    with (tmp_path / "piped.zip").open("wb") as out, (tmp_path / "errors").open("wb") as errors:
        forked(*words, "--store", day, stdout=out, stderr=errors, folder=tmp_path).wait()
    with ZipFile(tmp_path / "piped.zip") as file:
        assert json.loads(file.read("manifest.json"))["application"] == "app-code-1"
    (tmp_path / "bad").write_text("[1]")
    for more, says in (
        ((*ali, "--to", "ali.zip"), "ali.zip exists already"),
        ((*ali, "--to", "none/ali.zip"), "can't be written"),
        ((*ali, "--person", "x", "--to", "x.zip"), "takes one of"),
        (("--to", "x.zip", "--store", day), "takes one of"),
        ((*ali, "--processing", "bad", "--to", "x.zip"), "processing"),
        ((*ali, "--processing", "none", "--to", "x.zip"), "can't be opened"),
        ((*ali, "--app", "no-such", "--to", "x.zip"), "nobody holds it"),
        (("--external-id", "no-such", "--to", "x.zip", "--store", day), "nobody holds it"),
        (("--person", "no-such", "--to", "x.zip", "--store", day), "UNKNOWN_PERSON"),
        (("--person", "", "--to", "x.zip", "--store", day), "person"),
        (("--msisdn", "no", "--to", "x.zip", "--store", day), "PHONE_INVALID"),
    ):
        refused = run("subject", *more)
        assert (refused.returncode, refused.stdout) == (2, ""), more
        assert says in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert not [*tmp_path.glob("*x.zip*")]
