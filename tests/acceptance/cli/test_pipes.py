"""The command line between other programs: closed pipes, full disks, any encoding, no terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from codecs import BOM_UTF8
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from addressee.adapters.cli.commands.apply import apply_file
from addressee.adapters.memory import MemoryStore
from tests.acceptance.conftest import Run, write
from tests.command_line import run_into_closed_pipe

DAY = Path(__file__).parents[3] / "docs" / "day.jsonl"
TARGET = ("target", "all", "--app", "shop")
VERIFY = ("verify",)


def registrations(number: int) -> list[object]:
    return [
        {"command": "register", "application": "shop", "installation": f"{n:04}-{'x' * 200}"}
        for n in range(number)
    ]


@pytest.fixture
def many(run: Run, tmp_path: Path) -> Path:
    """Return a folder with a store of which a list does not fit into a pipe."""
    run("apply", str(write(tmp_path / "many.jsonl", *registrations(600))))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        (*TARGET, "--format", "ids"),
        (*TARGET, "--format", "jsonl"),
        TARGET,
        ("history", "--actor", "device"),
    ],
)
def test_a_reader_that_has_enough_is_no_failure(many: Path, words: tuple[str, ...]) -> None:
    done = run_into_closed_pipe(*words, folder=many)
    assert (done.returncode, done.stderr) == (141, "")
    assert "0000-xxx" in done.stdout


def started(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in an interpreter that starts with an environment."""
    return subprocess.run(
        [sys.executable, "-m", "addressee.adapters.cli", *words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        check=False,
    )


@pytest.mark.parametrize("words", [TARGET, pytest.param(VERIFY, marks=pytest.mark.every_case)])
def test_no_variable_of_the_environment_cuts_or_colours_what_goes_into_a_pipe(
    run: Run, many: Path, words: tuple[str, ...]
) -> None:
    plain = run(*words)
    pretended = started(many, *words, FORCE_COLOR="1", TTY_COMPATIBLE="1", COLUMNS="40")
    assert (pretended.stdout, pretended.stderr) == (plain.stdout, plain.stderr)
    assert plain.stderr.count("\n") == (words == VERIFY)


@pytest.mark.parametrize(
    "encoding", ["cp1252", pytest.param("latin-1", marks=pytest.mark.every_case)]
)
def test_what_an_encoding_lacks_is_escaped(run: Run, tmp_path: Path, encoding: str) -> None:
    write(
        tmp_path / "f.jsonl",
        {"command": "register", "application": "shop", "installation": "žan🦊"},
    )
    run("apply", "f.jsonl")
    done = started(tmp_path, *TARGET, "--format", "ids", PYTHONIOENCODING=encoding)
    escaped = "žan🦊\n".encode(encoding, "backslashreplace").decode(encoding)
    assert (done.returncode, done.stdout, done.stderr) == (0, escaped, "")
    assert "\\U0001f98a" in escaped


class Interrupted(MemoryStore):
    """A store at whose commit somebody presses Ctrl-C."""

    @contextmanager
    def writing(self, first: Mapping[str, int] | None = None) -> Generator[MemoryStore]:
        with super().writing(first) as transaction:
            yield transaction
        os.kill(os.getpid(), signal.SIGINT)


def test_after_an_interrupt_the_summary_counts_what_was_committed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Interrupted()
    handler = signal.getsignal(signal.SIGINT)
    path = write(tmp_path / "many.jsonl", *registrations(600))
    with path.open("rb") as file, pytest.raises(KeyboardInterrupt):
        apply_file(lambda: nullcontext(store), file, tmp_path / "report")
    with store.reading() as reader:
        assert len(reader.events(0, 10_000)) == 500
    assert capsys.readouterr().out == "      500  register registered\n"
    assert len((tmp_path / "report").read_text().splitlines()) == 500
    assert signal.getsignal(signal.SIGINT) is handler


def test_on_a_full_disk_the_summary_counts_what_was_committed(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "many.jsonl", *registrations(400))
    done = run("apply", "many.jsonl", "--report", "/dev/full")
    assert done.stdout == "      400  register registered\n"
    assert (done.returncode, done.stderr) == (2, "addressee: No space left on device\n")
    assert run(*TARGET, "--count").stdout == "400\n"


def test_commands_and_ledgers_come_and_go_by_pipes(run: Run, tmp_path: Path) -> None:
    applied = run("apply", "-", given=DAY.read_bytes())
    assert "19  register registered" in applied.stdout or applied.returncode == 1
    exported = run("export", "-", "--with-key")
    assert exported.returncode == 0
    assert exported.stderr.startswith("exported 120 events")
    filled = run("import", "-", "--store", "sqlite:///b.db", given=exported.stdout)
    assert filled.stdout == "imported 120 events up to position 120\n"
    asked = ("target", "email:ali@x.com", "--app", "app-code-1", "--store")
    assert run(*asked, "sqlite:///b.db").stdout == run(*asked, "sqlite:///addressee.db").stdout
    seal = run("seal", "--format", "jsonl").stdout
    assert run("seal", "--check", "-", given=seal).returncode == 0
    for words in (("apply", str(DAY), "--report", "-"), ("export", "x.jsonl", "--key-file", "-")):
        refused = run(*words)
        assert refused.returncode == 2
        assert "file can't be - here" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["addressee.db", "b.db"]


def test_a_byte_order_mark_before_an_empty_line_is_passed_over(run: Run) -> None:
    line = {"command": "register", "application": "shop", "installation": "a"}
    for start in (BOM_UTF8, BOM_UTF8 + b"\r\n", BOM_UTF8 + b"\n"):
        done = run("apply", "-", given=start + json.dumps(line).encode())
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("        1  register ")


def test_a_refused_file_leaves_no_store(run: Run, tmp_path: Path) -> None:
    run("apply", str(DAY), "--store", "sqlite:///day.db")
    run("export", "whole.jsonl", "--with-key", "--store", "sqlite:///day.db")
    (tmp_path / "cut.jsonl").write_bytes((tmp_path / "whole.jsonl").read_bytes()[:-1])
    (tmp_path / "packed").write_bytes(b"\x1f\x8b\x08\x00" * 9)
    before = sorted(tmp_path.iterdir())
    for words in (
        ("import", "cut.jsonl", "--store", "sqlite:///new.db"),
        ("import", "packed", "--store", "sqlite:///new.db"),
        ("apply", "packed", "--store", "sqlite:///new.db"),
        ("apply", "whole.jsonl", "--report", "no/folder", "--store", "sqlite:///new.db"),
        ("apply", "whole.jsonl", "--report", "whole.jsonl", "--store", "sqlite:///new.db"),
    ):
        done = run(*words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert sorted(tmp_path.iterdir()) == before, words
    filled = run("import", "whole.jsonl", "--store", "sqlite:///new.db")
    assert filled.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {p.name for p in before} | {"new.db"}


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.zst", "x.db"])
def test_a_name_that_promises_another_form_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    run("apply", str(DAY))
    done = run("export", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert "should end with .jsonl or .parquet, not" in done.stderr
    assert not (tmp_path / name).exists()


def test_parquet_is_known_in_any_case(run: Run, tmp_path: Path) -> None:
    run("apply", str(DAY))
    run("export", "X.PARQUET")
    assert (tmp_path / "X.PARQUET").read_bytes()[:4] == b"PAR1"
