"""`addressee merge` and `unmerge`, run as an operator runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import LOGIN, REGISTER, Run, write


def told(run: Run, *arguments: str) -> Any:  # noqa: ANN401 # JSON
    return json.loads(run(*arguments).stdout)


def test_R52_a_dry_run_then_the_merge_then_back(run: Run, tmp_path: Path) -> None:
    other = {**LOGIN, "installation": "b", "identity": {"emails": ["b@x.com"]}}
    lines = REGISTER, {**REGISTER, "installation": "b"}, LOGIN, other
    run("apply", str(write(tmp_path / "f.jsonl", *lines)))
    ali, bea = (run("who", name).stdout.strip() for name in ("a", "b"))
    preview = told(run, "merge", ali, bea, "--dry-run")
    assert [each["person"] for each in preview["before"]] == [ali, bea]
    assert run("who", "b").stdout.strip() == bea
    assert run("merge", ali, bea).returncode != 0
    merged = told(run, "merge", ali, bea, "--digest", preview["digest"])
    assert (merged["outcome"], merged["survivor"], merged["merged"]) == ("merged", ali, bea)
    assert run("who", "b").stdout.strip() == ali
    assert run("target", "email:b@x.com", "--app", "shop", "--format", "ids").stdout == "a\nb\n"
    undone = told(run, "unmerge", merged["merge"], "--dry-run")
    assert undone["after"] == preview["before"]
    assert undone["before"] == preview["after"]
    told(run, "unmerge", merged["merge"], "--digest", undone["digest"])
    assert run("who", "b").stdout.strip() == bea
    assert run("verify").returncode == 0
