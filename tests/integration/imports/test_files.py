"""What holds for every format: nothing half done, the same twice, steady memory."""

from __future__ import annotations

import gzip
import io
import sys
from contextlib import closing
from pathlib import Path

import pytest

from addressee.adapters.cli.commands.transfers import System
from addressee.adapters.imports.vendors import FORMATS, Import, Options
from addressee.adapters.memory import MemoryStore
from addressee.application import Personalization, Targeting, verify
from addressee.domain import AddresseeError, InvalidValue
from tests import memory
from tests.acceptance.conftest import Run
from tests.integration.imports.conftest import Importing, lines, table

SYSTEM = "django-push-notifications"
HEADER = ("id", "active", "user_id", "registration_id", "cloud_message_type")


def devices(number: int) -> bytes:
    """Return a table in which each third token is the one before, and each fifth row is dead."""
    return table(
        HEADER,
        *(
            (n, "f" if n % 5 == 0 else "t", f"user-{n // 2}", f"token-{n - (n % 3 == 0)}", "FCM")
            for n in range(1, number + 1)
        ),
    )


def events(store: MemoryStore) -> int:
    with store.reading() as view:
        return view.last()


REFUSALS = {
    "is empty": b"",
    "has no records": devices(0),
    "no line end": devices(9)[:-2],
    "line 5: ": b"\n".join(devices(9).split(b"\n")[:4]) + b"\n4,t,user\n",
    "unexpected end of data": devices(3) + b'4,t,"user\r\n',
    "no gzip end": gzip.compress(devices(500))[:-20],
    "damaged gzip": gzip.compress(devices(500))[:40] + b"x" * 200,
    "no column id": devices(9).replace(b"id,", b"key,", 1),
    "no field id": lines({"key": 1}),
    "is no UTF-8": devices(9) + "10,t,josé,token,FCM\r\n".encode("latin-1"),
    "codec": devices(9).decode().encode("utf-16"),
    "is one JSON array": b"[{}]",
    "line 2: line is no JSON": lines({"id": 1, "active": 1, "registration_id": "a"}) + b'{"id": 2',
}


@pytest.mark.parametrize("problem", REFUSALS)
def test_a_file_that_is_not_whole_is_refused_before_anything_is_written(
    problem: str, store: MemoryStore, importing: Importing
) -> None:
    with pytest.raises(InvalidValue) as refused:
        importing(SYSTEM, REFUSALS[problem])
    expected = {"no gzip end": "gzip data has no end", "codec": "is no UTF-8"}
    assert expected.get(problem, problem) in str(refused.value)
    assert events(store) == 0


def test_a_file_of_another_system_is_refused(importing: Importing) -> None:
    for system in FORMATS:
        with pytest.raises(InvalidValue, match=f"is no {system} export|names no person"):
            importing(system, table(("a", "b"), (1, 2)))


def test_the_command_line_names_every_system() -> None:
    assert {system.value for system in System} == FORMATS.keys()


def test_options_are_checked() -> None:
    for options in (Options(""), Options("shop", "staging")):
        with pytest.raises(AddresseeError):
            Import(FORMATS[SYSTEM], options)


def test_R53_a_second_run_records_nothing(store: MemoryStore, importing: Importing) -> None:
    first = importing(SYSTEM, gzip.compress(devices(40)))
    before = events(store)
    second = importing(SYSTEM, devices(40))
    assert (second.imported, second.skipped) == (first.imported, first.skipped)
    assert events(store) == before > 0
    assert verify(store).differences == ()
    changed = importing(SYSTEM, devices(40).replace(b"user-1,", b"user-x,"))
    assert changed.skipped == {"changed_since_imported": 2}
    assert events(store) == before


def test_R53_a_run_that_died_is_continued(store: MemoryStore, importing: Importing) -> None:
    class Died(Exception):
        pass

    def die(done: int, _: int) -> None:
        if done == 500:
            raise Died

    content = devices(600)
    with closing(Import(FORMATS[SYSTEM], Options("shop"))) as work:
        work.read(io.BytesIO(content))
        with pytest.raises(Died):
            work.write(Personalization(store), die)
    assert events(store) > 0
    report = importing(SYSTEM, content)
    whole = MemoryStore()
    with closing(Import(FORMATS[SYSTEM], Options("shop"))) as work:
        work.read(io.BytesIO(content))
        assert work.write(Personalization(whole)).imported == report.imported
    assert events(store) == events(whole)
    assert Targeting(store).preview("shop", "all", n=2000) == Targeting(whole).preview(
        "shop", "all", n=2000
    )


def test_a_dry_run_counts_and_writes_nothing(store: MemoryStore, importing: Importing) -> None:
    tried = importing(SYSTEM, devices(40), dry_run=True)
    assert events(store) == 0
    real = importing(SYSTEM, devices(40))
    assert (tried.imported, tried.skipped) == (real.imported, real.skipped)


def test_the_command_line_imports_reports_and_leaves_no_store_of_a_bad_file(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "devices.csv.gz").write_bytes(gzip.compress(devices(12)))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(devices(500))[:-20])
    words = ("import", "--from", SYSTEM, "--app", "shop", "--store", "sqlite:///shop.db")
    refused = run(*words, "cut.csv.gz")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is cut off" in refused.stderr
    tried = run(*words, "devices.csv.gz", "--dry-run")
    assert tried.returncode == 0
    assert "12  rows of 12 records" in tried.stdout
    assert not (tmp_path / "shop.db").exists()
    assert "\N{ESC}" not in tried.stdout + tried.stderr
    done = run(*words, "devices.csv.gz", "--format", "json")
    assert done.returncode == 0
    assert '"rows": 12, "imported": {"bound": ' in done.stdout
    exported = run("export", "-", "--store", "sqlite:///shop.db").stdout
    piped = run(*words, "-", given=(tmp_path / "devices.csv.gz").read_bytes())
    assert (piped.returncode, piped.stderr.count("\n")) == (0, 1)
    assert run("export", "-", "--store", "sqlite:///shop.db").stdout == exported
    unnamed = run("import", "devices.csv.gz", "--from", SYSTEM)
    assert (unnamed.returncode, "--app" in unnamed.stderr) == (2, True)


SCRIPT = """
import io
import sys
import zlib
from addressee.adapters.imports.vendors import FORMATS, Import, Options
from addressee.adapters.sql import SqlStore
from addressee.application import Personalization
from tests.integration.imports.samples import SAMPLES

def packed(parts):
    coder = zlib.compressobj(wbits=31)
    yield from filter(None, map(coder.compress, parts))
    yield coder.flush()

class File(io.RawIOBase):
    def __init__(self, parts):
        self.parts, self.rest = parts, b""

    def readable(self):
        return True

    def readinto(self, into):
        while len(self.rest) < len(into) and (part := next(self.parts, None)):
            self.rest += part
        size = min(len(into), len(self.rest))
        into[:size], self.rest = self.rest[:size], self.rest[size:]
        return size

def grown(system, rows, url):
    work = Import(FORMATS[system], Options("shop"), dry_run=url == "")
    work.read(File(packed(SAMPLES[system](range(1, rows + 1)))))
    if url:
        with SqlStore(url) as store:
            report = work.write(Personalization(store, cache_bytes=1 << 20))
    else:
        report = work.write(None)
    assert report.imported.total() + report.skipped.total() == report.rows >= rows
    return peak()

system, few, many, *urls = sys.argv[1:]
small = grown(system, int(few), urls[0])
print(grown(system, int(many), urls[1]) * 100 // small)
"""
"""Imports few invented rows, then many, gzip but in no file; prints memory's peak in percent
of that after the few."""


@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage")
@pytest.mark.every_case
def test_memory_does_not_grow_with_the_file(tmp_path: Path, *, long: bool) -> None:
    few, many = (50_000, 2_000_000) if long else (1_000, 12_000)
    for system in (SYSTEM, "pinpoint") if long else (SYSTEM,):
        assert memory.printed(SCRIPT, system, str(few), str(many), "", "") < 110
    if long:
        urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("few", "many")]
        assert memory.printed(SCRIPT, SYSTEM, "20000", "200000", *urls) < 125
