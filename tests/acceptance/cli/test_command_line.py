"""The command line, run as a person runs it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import cast

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from addressee.adapters.cli.app import app
from addressee.adapters.imports.line_reader import LINE_LIMIT
from tests.acceptance.conftest import LOGIN, REGISTER, Run, write
from tests.memory import printed

DATA = Path(__file__).parents[1] / "data"
REPORT = ("--report", "report.jsonl")


def test_the_whole_capture_applies(run: Run, tmp_path: Path) -> None:
    done = run("apply", str(DATA / "sdk-session.jsonl"), *REPORT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3  register registered" in done.stdout
    for options, expected in (((), "2\n"), (("--primary",), "1\n")):
        counted = run("target", "email:ali@x.com", "--app", "app-code-1", "--count", *options)
        assert counted.stdout == expected
    assert (
        run("target", "email:ali@x.com and primary", "--app", "app-code-1", "--count").stdout
        == "1\n"
    )
    rows = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [row["line"] for row in rows] == list(range(1, 13))
    assert {row["outcome"] for row in rows} == {"registered", "updated", "attached", "read"}


REFUSED: tuple[tuple[object, str], ...] = (
    ({"command": "personalise"}, "REQUEST_FORMAT_INVALID: command should be one of"),
    ({}, "REQUEST_FORMAT_INVALID: command should be one of"),
    ({"command": "depersonalize"}, "installation is missing"),
    ({**REGISTER, "colour": "red"}, "colour is no argument of register"),
    ({**REGISTER, "os": 5}, "os should be a string"),
    ({**REGISTER, "os": "x" * 51}, "LIMIT_EXCEEDED: os takes at most 50 characters, 51 given"),
    ({**REGISTER, "at": "noon"}, "at should be a time such as"),
    ({**LOGIN, "identity": {"emails": "a@x.com"}}, "emails should be a list"),
    ({**LOGIN, "identity": {"phone": "1"}}, "identity.phone"),
    ({**LOGIN, "identity": {"emails": ["broken"]}}, "EMAIL_INVALID: emails[0]"),
    ({**LOGIN, "identity": {}}, "USER_IDENTITY_INVALID"),
    ({**LOGIN, "tags": "vip"}, "tags should be a list"),
    ({**LOGIN, "force_depersonalize": "yes"}, "force_depersonalize should be true or false"),
    ({**LOGIN, "installation": "b"}, "NO_REGISTRATION: installation b is not registered"),
    ({"method": "POST", "path": "/elsewhere"}, "path is nothing"),
    ({"method": "POST", "path": "/mobile/1/appinstance"}, "Authorization should be App"),
    (
        {"method": "POST", "path": "/mobile/1/appinstance/x/personalize"},
        "before it was registered",
    ),
    ('{"command": ', "is no JSON"),
    ("[1]", "should be a JSON object"),
    ("[" * 100_000, "line"),
    ('{"command": %s}' % ("1" * 5_000), "too many digits"),
    ({"command": "touch", "installation": "a", "x\ny\x1b[31m": 1}, "x\\ny\\x1b[31m is no"),
    ({**LOGIN, "at": "0001-01-01T00:00:00+10:00"}, "at should be a time such as"),
    ({**LOGIN, "at": "9999-12-31T23:59:59-10:00"}, "at should be a time such as"),
    ({"method": "POST", "path": "http://["}, "path is no path"),
    ('{"command": "' + "x" * (1 << 20) + '"}', "takes at most 1048576 bytes"),
)


def test_a_line_that_is_refused_is_named_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    lines, says = zip(*REFUSED, strict=True)
    done = run("apply", str(write(tmp_path / "f.jsonl", REGISTER, *lines, LOGIN)), *REPORT)
    assert done.returncode == 1
    refusals = done.stderr.splitlines()
    assert len(refusals) == len(REFUSED)
    for number, (refusal, expected) in enumerate(zip(refusals, says, strict=True), 2):
        assert refusal.startswith(f"line {number}: ")
        assert expected in refusal
    rows = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    outcomes = ["registered", *["refused"] * len(REFUSED), "attached"]
    assert [row["outcome"] for row in rows] == outcomes
    events = run("history", "--installation", "a").stdout.splitlines()
    assert [event.split("\t")[2] for event in events] == [
        "InstallationRegistered", "DevicePersonalized",
    ]  # fmt: skip


UNUSABLE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("apply", "missing.jsonl"), "missing.jsonl can't be opened: No such file"),
    (("apply", "."), "can't be opened: Is a directory"),
    (("apply", "binary"), "is not text: line 1 has NUL bytes"),
    (("apply", "latin"), "is not text: line 1 is no UTF-8"),
    (("apply", "good", "--report", "good"), "report is the file that is to be applied"),
    (("history",), "history takes one of --installation"),
    (("who", "a", "--store", "sqlite:///foreign.db"), "holds no store"),
    (("target", "all", "--app", "s", "--store", "sqlite:///empty.db"), "holds no store"),
    (("apply", "good", "--report", "no/such/folder"), "can't be opened"),
    (("apply", "good", "--store", "nonsense"), "store is no URL"),
    (("apply", "good", "--store", "sqlite:///no/such/folder/x.db"), "STORE_UNAVAILABLE"),
    (("apply", "good", "--store", "sqlite:///text.db"), "STORE_DAMAGED"),
    (("target", "all", "--app", "shop"), "there is no store at addressee.db"),
    (("who", "a", "--store", "sqlite:///none.db"), "there is no store at none.db"),
    (("who", "a", "--at", "noon"), "at should be a time"),
)


def test_what_can_t_be_used_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\x00\x01\n" * 9)
    (tmp_path / "latin").write_bytes('["caf\xe9"]\n'.encode("latin-1"))
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as database:
        database.execute("create table kept (x)")
    (tmp_path / "text.db").write_text("no database at all, whatever its name may say\n" * 50)
    write(tmp_path / "good", REGISTER)
    before = {*tmp_path.iterdir()}
    for words, says in UNUSABLE:
        done = run(*words)
        assert done.returncode == 2, words
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1, words
        assert {*tmp_path.iterdir()} == before, words
    assert json.loads((tmp_path / "good").read_text()) == REGISTER
    assert (tmp_path / "empty.db").stat().st_size == 0
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as database:
        assert database.execute("select name from sqlite_master").fetchall() == [("kept",)]
    # Only when its report is full, its lines are applied.
    done = run("apply", "good", "--report", "/dev/full")
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["addressee: No space left on device"]


def test_an_empty_file_is_nothing_to_do(run: Run, tmp_path: Path) -> None:
    done = run("apply", str(write(tmp_path / "empty")))
    assert (done.returncode, done.stdout) == (0, "nothing to apply: the file has no lines\n")


def test_help_teaches_every_command_by_an_example(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = cast("TyperGroup", get_command(app))
    monkeypatch.setattr("typer.testing._get_command", lambda _: root)
    applications = cast("TyperGroup", root.commands["app"])
    calls = [[name] for name in root.commands if name != "app"]
    calls += [["app", name] for name in applications.commands]
    assert len(calls) > 15
    for words in calls:
        told = CliRunner().invoke(app, [*words, "--help"])
        assert (told.exit_code, told.stderr) == (0, "")
        assert f"addressee {' '.join(words)}" in told.stdout
    listed = run("--help").stdout
    assert all(name in listed for name in root.commands)
    assert run("--version").stdout.strip() == version("addressee")


@pytest.mark.parametrize(("more", "status"), [(0, 0), (1, 1)])
def test_a_line_of_exactly_the_limit_is_taken(
    run: Run, tmp_path: Path, more: int, status: int
) -> None:
    line = json.dumps(REGISTER).ljust(LINE_LIMIT - 1 + more)
    done = run("apply", str(write(tmp_path / "f.jsonl", line)))
    assert (tmp_path / "f.jsonl").stat().st_size == LINE_LIMIT + more
    assert done.returncode == status
    assert ("takes at most 1048576 bytes, 1048577 given" in done.stderr) == bool(more)


MEASURE = """
import sys
from contextlib import nullcontext
from pathlib import Path
from addressee.adapters.cli.commands.apply import apply_file
from addressee.adapters.memory import MemoryStore
def peak_after(path):
    with Path(path).open("rb") as file:
        apply_file(lambda: nullcontext(MemoryStore()), file, None)
    return peak()

few, many = sys.argv[1:]
before = peak_after(few)
print(peak_after(many) - before)
"""


def test_many_lines_need_no_more_memory_than_some(tmp_path: Path, long: bool) -> None:
    def written(lines: int) -> str:
        file = tmp_path / f"{lines}.jsonl"
        with file.open("w") as out:
            out.write(json.dumps(REGISTER) + "\n")
            out.writelines("\n" for _ in range(lines))
            out.writelines(
                '{"method":"GET","path":"/mobile/1/appinstance/x"}\n' for _ in range(lines // 10)
            )
        return str(file)

    # A line that was kept would take some 60 bytes.
    many, kilobytes_more = (2_000_000, 20_000) if long else (250_000, 8_000)
    assert printed(MEASURE, written(20_000), written(many)) < kilobytes_more


def test_compact_says_how_many_changes_it_folded(run: Run, tmp_path: Path) -> None:
    assert run("compact").returncode == 2
    run("apply", str(write(tmp_path / "commands.jsonl", REGISTER, LOGIN)))
    before = run("target", "external_id:ali", "--app", "shop").stdout
    assert run("compact").stdout == "3\n", "all, reachable and the person's type"
    assert run("compact").stdout == "0\n"
    assert run("target", "external_id:ali", "--app", "shop").stdout == before != ""
