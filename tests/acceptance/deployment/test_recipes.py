"""The container recipe and the systemd unit name what there is, and give up what they can."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import typer.main

from addressee.adapters.cli.app import app
from addressee.adapters.http import create_app
from addressee.adapters.memory import MemoryApplications, MemoryStore

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "deployment"


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the container recipe with their arguments."""
    text = (FOLDER / "Containerfile").read_text().replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def last(name: str) -> str:
    return [rest for found, rest in instructions() if found == name][-1]


def unit() -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their capitals
    parser.read(FOLDER / "addressee.service")
    return parser


def parsed(words: list[str]) -> dict[str, object]:
    """Return what the command line reads of the words of `serve`; fails for any that it lacks."""
    name, *options = words
    group = typer.main.get_command(app)
    command = group.commands[name]  # type: ignore[attr-defined] # a group has them
    options_read: dict[str, object] = command.make_context(name, options).params
    return options_read


def test_the_container_runs_serve_as_nobody_special() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["addressee"]
    options = parsed(json.loads(last("CMD")))
    assert (options["host"], str(options["port"])) == ("0.0.0.0", last("EXPOSE"))  # noqa: S104 # in a container
    user = re.fullmatch(r"(\d+):(\d+)", last("USER"))
    assert user
    assert int(user[1]) > 0
    names = [name for name, _ in instructions()]
    assert names.index("USER") > max(n for n, name in enumerate(names) if name == "RUN")
    assert "sqlite:////data/" in last("ENV")
    assert last("VOLUME") == last("WORKDIR") == "/data"


def test_the_image_is_made_of_what_there_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, rest in instructions():
        sources = [] if "--from" in rest else rest.split()[:-1]
        assert name != "COPY" or all((ROOT / each).exists() for each in sources), rest
    [extras] = re.findall(r"'\.\[(.*?)\]'", (FOLDER / "Containerfile").read_text())
    assert {*extras.split(",")} <= project["optional-dependencies"].keys()


def test_the_health_check_asks_for_a_route_and_is_a_program() -> None:
    words: list[str] = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert words[:2] == ["python3", "-c"]
    compile(words[2], "health", "exec")
    [port, path] = re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", words[2])[0]
    assert port == last("EXPOSE")
    document = create_app(MemoryStore(), MemoryApplications()).openapi()
    assert "get" in document["paths"][path]


def test_the_unit_runs_serve_and_may_little() -> None:
    service = unit()["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/addressee")
    assert parsed(words)["host"] == "127.0.0.1"
    for setting in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "MemoryDenyWriteExecute"):
        assert service[setting] == "yes"
    assert (service["ProtectSystem"], service["CapabilityBoundingSet"]) == ("strict", "")


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    program = shlex.split(unit()["Service"]["ExecStart"])[0]
    installed = Path(sys.executable).parent / "addressee"
    assert installed.exists()
    text = (FOLDER / "addressee.service").read_text()
    copy = tmp_path / "addressee.service"
    copy.write_text(text.replace(program, str(installed)))
    if verifier := shutil.which("systemd-analyze"):
        said = subprocess.run(
            [verifier, "verify", copy], capture_output=True, text=True, check=False
        )
        assert (said.returncode, said.stderr) == (0, "")
