"""What README and docs show is run as it stands."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import tomllib
from pathlib import Path
from string import Template

import httpx
import pytest

from addressee.adapters.sql import SqlStore
from addressee.application import issue_key
from addressee.domain import MobileApp
from tests.acceptance.conftest import Run
from tests.servers import http_server

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    (path, block)
    for path in PAGES
    for block in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
]


def headings(path: Path) -> set[str]:
    """Return the anchors that code hosts give to the headings of a page."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=[path.name for path in PAGES])
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_every_extra_that_is_to_be_installed_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {
        extra
        for page in PAGES
        for extras in re.findall(r"'?\.\[([\w,]+)\]", page.read_text())
        for extra in extras.split(",")
    }
    assert {"all", "test"} < named
    assert named <= project["optional-dependencies"].keys()


def test_there_is_an_example() -> None:
    assert any(path.name == "README.md" for path, _ in BLOCKS)


@pytest.mark.parametrize(("path", "block"), BLOCKS, ids=[path.name for path, _ in BLOCKS])
def test_a_python_block_runs(path: Path, block: str, run: Run) -> None:
    done = run("-W", "error", "-c", block)
    assert done.returncode == 0, f"{path}: {done.stderr}"


SETS = re.compile(r"(\w+)=\$\((addressee .*?)(?: \| jq -r \.(\w+))?\)")
"""A line of a shell that has a variable take what a command prints, or one field of it."""


def shell_commands(path: Path) -> list[str]:
    """Return the lines of a page's shell that end by themselves."""
    blocks = re.findall(r"^```sh\n(.*?)```", path.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    kinds = "addressee (?!serve)|export |openssl rand "
    return [line for line in lines if re.match(kinds, line) or SETS.fullmatch(line)]


class Shell:
    """Runs lines of a shell, with a process for each command."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._exported: dict[str, str] = {}
        self._variables: dict[str, str] = {}

    def take(self, line: str) -> None:
        """Run one line; each command must succeed."""
        first, *words = shlex.split(Template(line).safe_substitute(self._variables))
        if setting := SETS.fullmatch(line):
            name, command, field = setting.groups()
            said = self.said(Template(command).substitute(self._variables))
            self._variables[name] = json.loads(said)[field] if field else said.strip()
        elif first == "export":
            self._exported |= dict(word.split("=", 1) for word in words)
        elif first == "openssl":
            (self._folder / words[-1]).write_text(f"{secrets.token_hex(32)}\n")
        else:
            self.said(Template(line).substitute(self._variables))

    def said(self, command: str) -> str:
        """Return what a command prints."""
        _, *words = shlex.split(command)
        done = self._run(*words, environment=self._exported)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


SHELL_PAGES = [path for path in PAGES if shell_commands(path)]


@pytest.mark.parametrize("page", SHELL_PAGES, ids=[path.name for path in SHELL_PAGES])
def test_the_commands_of_a_page_run(page: Path, run: Run, tmp_path: Path) -> None:
    text = page.read_text()
    files = re.findall(r"^```toml\n# (\S+)\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    files += re.findall(
        r"^<!-- (\S+\.jsonl?) -->\n```json\n(.*?)```", text, re.DOTALL | re.MULTILINE
    )
    for name, content in files:
        (tmp_path / name).write_text(content)
    shell = Shell(run, tmp_path)
    for line in shell_commands(page):
        shell.take(line)


def test_the_requests_of_the_page_about_http_are_answered(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "http.md").read_text()
    url = f"sqlite:///{tmp_path}/shop.db"
    with SqlStore(url) as store:
        store.applications.put(MobileApp(code="shop"))
        key = issue_key(store.applications, "shop", "backend")
    said: list[str] = []
    with http_server(url) as served:
        for line in re.findall(r"^curl (.+)$", page, re.MULTILINE):
            _, header, address, _, body = shlex.split(line.replace("$KEY", key))
            name, _, value = header.partition(": ")
            path = address.removeprefix("http://127.0.0.1:8000")
            headers = {name: value}
            answer = httpx.post(served.url + path, content=body, headers=headers, timeout=60)
            said.append(answer.text)
    *_, targets, pushed = said
    assert json.loads(targets.splitlines()[0]) == {"installation": "phone-1"}
    [message] = json.loads(pushed)["messages"]
    assert message["status"]["name"] == "PENDING_ENROUTE"


def day_commands() -> list[str]:
    [block] = re.findall(r"<!-- day -->\n```sh\n(.*?)```", PAGES[0].read_text(), re.DOTALL)
    return [line for line in block.splitlines() if line.startswith(".venv/bin/addressee")]


def test_the_day_of_the_readme_runs_and_tells(run: Run, tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    told = [run(*shlex.split(line)[1:]) for line in day_commands()]
    apply, target, who = told
    assert apply.returncode == 1
    assert [line.split(":")[:2] for line in apply.stderr.splitlines()] == [
        ["line 19", " PERSONALIZATION_IMPOSSIBLE"],
        ["line 21", " USER_MERGE_INTERRUPTED"],
    ]
    assert [line.split("\t")[0] for line in target.stdout.splitlines()] == ["ali-pixel"]
    assert re.fullmatch(r"[0-9a-f]{32}\n", who.stdout)
    assert (target.returncode, who.returncode) == (0, 0)
