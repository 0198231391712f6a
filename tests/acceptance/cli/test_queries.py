"""Queries of the command line, run as a person runs it: targets, plans, histories."""

from __future__ import annotations

import getpass
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from tests.acceptance.conftest import LOGIN, REGISTER, Run, write


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


def test_R60_what_an_operator_does_is_in_the_history_of_the_application(
    run: Run, tmp_path: Path
) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"command": "register", "application": "shop", "installation": "i1"}\n')
    assert run("app", "add", "shop").returncode == 0  # before the first event: not recorded
    run("apply", str(lines))
    key = run("app", "key", "shop", "--scope", "admin").stdout.partition(".")[0]
    run("app", "add", "shop", "--session-idle", "60")
    run("app", "revoke", key)
    run("push", "all", "--app", "shop", "--text", "Sale", "--later")
    run("pushes", "--cancel", json.loads(run("pushes", "--format", "jsonl").stdout)["id"])
    run("relay", "pause", "crm")
    run("rebuild", "--only", "segments")
    run("app", "end-sessions")
    rows = [
        *map(
            json.loads,
            run("history", "--app", "shop", "--format", "jsonl").stdout.split("\n")[:-1],
        )
    ]
    assert [row["event"] for row in rows] == [
        *("KeyIssued", "PolicyChanged", "KeyRevoked", "PushOrdered", "PushChanged"),
        *("SinkChanged", "WorkStarted", "SessionsEnded"),
    ]
    assert {row["actor"] for row in rows} == {f"operator:{getpass.getuser()}"}
    assert rows[0]["data"]["key"] == key
    assert "KeyIssued" in run("history", "--app", "shop").stdout
    assert run("verify").returncode == 0
