"""What holds for the files of all systems: the same twice, all rows counted, nothing half done."""

from __future__ import annotations

import gzip
from functools import reduce
from pathlib import Path

import pytest

from addressee.adapters.imports.vendors import FORMATS, Options
from addressee.adapters.ledger_files import opened_sink
from addressee.adapters.memory import MemoryStore
from addressee.application import Targeting, export_ledger, verify
from addressee.domain import InvalidValue
from tests.integration.imports.conftest import Importing
from tests.integration.imports.samples import SAMPLES, sample

ROWS = 24
REACHED = ("bound", "anonymous", "opted_out")


def ledger(store: MemoryStore, path: Path) -> bytes:
    path.unlink(missing_ok=True)
    export_ledger(store, lambda heading: opened_sink(path, heading), with_key=True)
    return path.read_bytes()


def events(store: MemoryStore) -> int:
    with store.reading() as view:
        return view.last()


def test_there_is_a_file_of_every_system() -> None:
    assert SAMPLES.keys() == FORMATS.keys()


@pytest.mark.parametrize("system", SAMPLES)
def test_R53_each_file_gives_the_same_store_twice_and_all_of_its_rows_are_counted(
    system: str, store: MemoryStore, importing: Importing, tmp_path: Path
) -> None:
    content = sample(system, ROWS)
    tried = importing(system, content, dry_run=True)
    assert events(store) == 0
    first = importing(system, content)
    assert (tried.imported, tried.skipped) == (first.imported, first.skipped)
    assert first.records == ROWS
    assert first.imported.total() + first.skipped.total() == first.rows >= ROWS
    kinds = {"bound", "anonymous", "superseded"}
    # A registration at Infobip is no token that two rows could share.
    assert kinds - first.imported.keys() <= ({"superseded"} if system == "infobip" else set())
    reached = Targeting(store).count("shop", "all", include_disabled=True)
    assert reached == sum(first.imported[kind] for kind in REACHED)
    assert verify(store).differences == ()

    before = ledger(store, tmp_path / "ledger.jsonl")
    for again in (content, gzip.compress(content), b"\xef\xbb\xbf" + content):
        report = importing(system, again)
        assert (report.imported, report.skipped) == (first.imported, first.skipped)
        assert ledger(store, tmp_path / "ledger.jsonl") == before


@pytest.mark.parametrize("system", SAMPLES)
def test_a_file_that_is_cut_anywhere_is_refused_before_anything_is_written(
    system: str, store: MemoryStore, importing: Importing, *, long: bool
) -> None:
    content = sample(system, 3)
    packed = gzip.compress(content)
    whole = {n for n in range(1, len(content)) if content[n - 1] == 10 or content[n] in b"\r\n"}
    cut = [content[:n] for n in range(len(content)) if n not in whole]
    parts = [*cut, *(packed[:n] for n in range(len(packed)))]
    for part in parts if long else parts[::5]:
        with pytest.raises(InvalidValue, match=r"^file"):
            importing(system, part)
    assert events(store) == 0


@pytest.mark.parametrize("system", SAMPLES)
def test_a_file_with_another_header_or_encoding_is_refused_before_anything_is_written(
    system: str, store: MemoryStore, importing: Importing
) -> None:
    content = sample(system, ROWS)
    needs = FORMATS[system].needs or FORMATS[system].person(Options("shop"))
    others = {
        "has no|names no person": reduce(lambda c, n: c.replace(n.encode(), b"x"), needs, content),
        "no UTF-8": content.decode().encode("utf-16"),
        "UTF-8": content.replace(b"user-1", "jos\xe9".encode("latin-1")),
    }
    for problem, other in others.items():
        with pytest.raises(InvalidValue, match=problem):
            importing(system, other)
    assert events(store) == 0
