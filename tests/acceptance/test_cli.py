"""The command line, run as a person runs it."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import cast

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from addressee.adapters.cli.app import app
from addressee.adapters.imports.line_reader import LINE_LIMIT
from tests.acceptance.conftest import Run, write
from tests.memory import kilobytes

DATA = Path(__file__).parent / "data"


REGISTER = {"command": "register", "application": "shop", "installation": "a"}
LOGIN: dict[str, object] = {
    "command": "personalize",
    "installation": "a",
    "identity": {"external_id": "ali"},
}


def test_the_whole_capture_applies(run: Run, tmp_path: Path) -> None:
    done = run("apply", str(DATA / "sdk-session.jsonl"), "--report", "report.jsonl")
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


def test_formats_are_plain_in_a_pipe(run: Run, tmp_path: Path) -> None:
    run("apply", str(write(tmp_path / "f.jsonl", REGISTER, LOGIN)))
    question = ("target", "external_id:ali", "--app", "shop")
    assert run(*question, "--format", "ids").stdout == "a\n"
    row = json.loads(run(*question, "--format", "jsonl").stdout)
    assert row["installation"] == "a"
    assert run(*question).stdout == f"a\t{row['person']}\n"
    assert run("who", "a").stdout == f"{row['person']}\n"
    assert run("who", "a", "--at", "2020-01-01").stdout == "nobody\n"
    assert run("target", "all", "--app", "shop", "--preview", "0").stdout == ""
    explained = run(*question, "--explain", "a").stdout.splitlines()
    assert explained[0] == "a is reached"
    assert explained[1].startswith("external_id:ali\tholds\tsince")
    told = json.loads(run(*question, "--explain", "a", "--format", "jsonl").stdout)
    assert told["reached"] is True
    assert "DevicePersonalized" in run("history", "--installation", "a").stdout
    assert "IdentifierClaimed" in run("history", "--external-id", "ali").stdout
    assert run("history", "--email", "no@x.com").stdout == "nobody ever held it\n"


def test_at_places_a_command_in_time(run: Run, tmp_path: Path) -> None:
    lines = (
        {**REGISTER, "at": "2026-01-01T08:00:00"},
        {**LOGIN, "at": "2026-01-01T10:00:00+01:00"},
    )
    run("apply", str(write(tmp_path / "f.jsonl", *lines)))
    assert run("who", "a", "--at", "2026-01-01T08:59:59Z").stdout == "nobody\n"
    assert run("who", "a", "--at", "2026-01-01T09:00:00Z").stdout != "nobody\n"
    reached = ("target", "external_id:ali", "--app", "shop", "--count", "--as-of")
    assert run(*reached, "2026-01-01T08:59:59Z").stdout == "0\n"
    assert run(*reached, "2026-01-01T09:00:00Z").stdout == "1\n"
    assert run(*reached, "1").stdout == "0\n"
    then = ("target", "all", "--app", "shop", "--as-of", "2026-01-01T08:30:00Z")
    assert run(*then).stdout == "a\t\n", "nobody was on it"
    assert run(*then, "--explain", "a").stdout.startswith("a is reached\n")
    for wrong in ("99", "9" * 30, "yesterday"):
        refused = run(*reached, wrong)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("addressee: REQUEST_FORMAT_INVALID: ")


def test_what_an_actor_did_is_shown(run: Run, tmp_path: Path) -> None:
    lines = ({**REGISTER, "actor": "backend:ann"}, LOGIN)
    run("apply", str(write(tmp_path / "f.jsonl", *lines)))
    [row] = run("history", "--actor", "backend:ann").stdout.splitlines()
    assert row.startswith("1\t")
    assert "InstallationRegistered\tbackend:ann" in row
    assert run("history", "--actor", "nobody").returncode == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
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
    ],
)
def test_a_line_that_is_refused_is_named_and_changes_nothing(
    run: Run, tmp_path: Path, line: object, says: str
) -> None:
    file = write(tmp_path / "f.jsonl", REGISTER, line, LOGIN)
    done = run("apply", str(file), "--report", "report.jsonl")
    assert done.returncode == 1
    [refusal] = done.stderr.splitlines()
    assert refusal.startswith("line 2: ")
    assert says in refusal
    rows = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [row["outcome"] for row in rows] == ["registered", "refused", "attached"]
    events = run("history", "--installation", "a").stdout.splitlines()
    assert [event.split("\t")[2] for event in events] == [
        "InstallationRegistered", "DevicePersonalized",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("apply", "missing.jsonl"), "missing.jsonl can't be opened: No such file"),
        (("apply", "."), "can't be opened: Is a directory"),
        (("apply", "binary"), "is not text: line 1 has NUL bytes"),
        (("apply", "latin"), "is not text: line 1 is no UTF-8"),
        (("apply", "good", "--report", "good"), "report is the file that is to be applied"),
        (("apply", "good", "--report", "/dev/full"), "No space left on device"),
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
    ],
)
def test_what_can_t_be_used_is_one_clear_line(
    run: Run, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\x00\x01\n" * 9)
    (tmp_path / "latin").write_bytes('["caf\xe9"]\n'.encode("latin-1"))
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as database:
        database.execute("create table kept (x)")
    (tmp_path / "text.db").write_text("no database at all, whatever its name may say\n" * 50)
    write(tmp_path / "good", REGISTER)
    done = run(*words)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "none.db").exists()
    assert json.loads((tmp_path / "good").read_text()) == REGISTER
    assert (tmp_path / "empty.db").stat().st_size == 0
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as database:
        assert database.execute("select name from sqlite_master").fetchall() == [("kept",)]
    if "/dev/full" not in words:
        assert not (tmp_path / "addressee.db").exists()


def test_questions_are_refused_with_the_column(run: Run, tmp_path: Path) -> None:
    run("apply", str(write(tmp_path / "f.jsonl", REGISTER)))
    done = run("target", "tag:vip and", "--app", "shop")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "addressee: EXPRESSION_INVALID: expression column 12: expected a term, not or a bracket\n"
    )


def test_tags_that_look_like_markup_do_not_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    tags = {"command": "tag_installation", "installation": "a", "add": ["[/b]", "x\x1b[31m\n"]}
    run("apply", str(write(tmp_path / "f.jsonl", REGISTER, tags)))
    words = (sys.executable, "-m", "addressee.adapters.cli", "history", "--installation", "a")
    terminal, inside = pty.openpty()
    done = subprocess.run(words, cwd=tmp_path, stdout=inside, stderr=inside, check=False)
    os.close(inside)
    told = b""
    # Linux answers with an error, not with an end, once the other side is closed.
    with suppress(OSError):
        while more := os.read(terminal, 1 << 16):
            told += more
    os.close(terminal)
    assert done.returncode == 0
    assert b"[/b]" in told
    assert b"\x1b[31m" not in told


def test_an_empty_file_is_nothing_to_do(run: Run, tmp_path: Path) -> None:
    done = run("apply", str(write(tmp_path / "empty")))
    assert (done.returncode, done.stdout) == (0, "nothing to apply: the file has no lines\n")


def test_help_teaches_every_command_by_an_example(run: Run) -> None:
    root = cast("TyperGroup", get_command(app))
    applications = cast("TyperGroup", root.commands["app"])
    calls = [[name] for name in root.commands if name != "app"]
    calls += [["app", name] for name in applications.commands]
    assert len(calls) > 15
    for words in calls:
        told = run(*words, "--help")
        assert (told.returncode, told.stderr) == (0, "")
        assert f"addressee {' '.join(words)}" in told.stdout
    assert all(name in run("--help").stdout for name in root.commands)
    assert run("--version").stdout.strip() == version("addressee")


def test_history_tells_times_that_can_be_asked_with(run: Run, tmp_path: Path) -> None:
    run("apply", str(write(tmp_path / "f.jsonl", REGISTER, LOGIN)))
    rows = [line.split("\t") for line in run("history", "--installation", "a").stdout.splitlines()]
    told = run("history", "--installation", "a", "--format", "jsonl").stdout.splitlines()
    objects = [json.loads(line) for line in told]
    assert [(row[0], row[1], row[2], row[3]) for row in rows] == [
        (str(each["position"]), each["at"], each["event"], each["actor"]) for each in objects
    ]
    bound = objects[-1]
    assert bound["event"] == "DevicePersonalized"
    assert bound["data"]["installation"] == "a"
    assert bound["at"].endswith("Z")
    assert run("who", "a", "--at", bound["at"]).stdout == f"{bound['data']['person']}\n"
    just_before = datetime.fromisoformat(bound["at"]) - timedelta(microseconds=1)
    assert run("who", "a", "--at", just_before.isoformat()).stdout == "nobody\n"
    assert run("history", "--email", "no@x.com", "--format", "jsonl").stdout == ""


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
with Path(sys.argv[1]).open("rb") as file:
    apply_file(lambda: nullcontext(MemoryStore()), file, None)
print(peak())
"""


def test_many_lines_need_no_more_memory_than_some(tmp_path: Path, long: bool) -> None:
    def peak(lines: int) -> int:
        file = tmp_path / "long.jsonl"
        with file.open("w") as out:
            out.write(json.dumps(REGISTER) + "\n")
            out.writelines("\n" for _ in range(lines))
            out.writelines(
                '{"method":"GET","path":"/mobile/1/appinstance/x"}\n' for _ in range(lines // 10)
            )
        return kilobytes(MEASURE, str(file))

    # A line that was kept would take some 60 bytes.
    many, kilobytes_more = (2_000_000, 20_000) if long else (400_000, 8_000)
    assert peak(many) < peak(20_000) + kilobytes_more


def test_compact_says_how_many_changes_it_folded(run: Run, tmp_path: Path) -> None:
    assert run("compact").returncode == 2
    run("apply", str(write(tmp_path / "commands.jsonl", REGISTER, LOGIN)))
    before = run("target", "external_id:ali", "--app", "shop").stdout
    assert run("compact").stdout == "3\n", "all, reachable and the person's type"
    assert run("compact").stdout == "0\n"
    assert run("target", "external_id:ali", "--app", "shop").stdout == before != ""


def test_the_plan_is_shown_with_the_rarest_first(run: Run, tmp_path: Path) -> None:
    lines: list[object] = [{**REGISTER, "installation": f"d{n}", "os": "ios"} for n in range(5)]
    lines += [LOGIN | {"installation": f"d{n}", "tags": ["vip"]} for n in range(2)]
    run("apply", str(write(tmp_path / "commands.jsonl", *lines)))
    asked = ("target", "os:ios and tag:vip and not external_id:ali", "--app", "shop", "--plan")
    told = run(*asked)
    assert (told.returncode, told.stderr) == (0, "")
    assert [line.split("\t") for line in told.stdout.splitlines()] == [
        ["1", "tag:vip", "2", "1"],
        ["2", "reachable", "5", "1"],
        ["3", "os:ios", "5", "1"],
        ["4", "not external_id:ali", "2", "1"],
        ["reads 1 of 1 shards"],
    ]
    plan = json.loads(run(*asked, "--format", "jsonl").stdout)
    assert (plan["shards"], plan["of"]) == ([0], 1)
    assert plan["steps"][0]["expression"] == "tag:vip"
    assert [step["takes_away"] for step in plan["steps"]] == [False, False, False, True]
