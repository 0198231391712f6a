"""Files that were damaged or made by others are refused, and nothing of them stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped] # it has no types
import pytest

from addressee.adapters.ledger_files.parquet import COLUMNS
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import (
    verify,
)
from addressee.domain import LedgerFileInvalid
from tests import command_line
from tests.integration.ledger_files.conftest import exported, imported


def lines_changed(change: Callable[[list[bytes]], object]) -> Callable[[bytes], bytes]:
    def changed(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        change(lines)
        return b"".join(lines)

    return changed


def replaced(number: int, old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(lines: list[bytes]) -> None:
        assert old in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old, new, 1)

    return lines_changed(change)


def repeat_a_version(lines: list[bytes]) -> None:
    again = json.loads(lines[1]) | {"position": 10**6}
    lines.insert(-1, json.dumps(again, separators=(",", ":")).encode() + b"\n")


Damage = tuple[Callable[[bytes], bytes], str]
"""What is done to a file, and where it is noticed."""

DAMAGES: dict[str, Damage] = {
    "empty": (lambda _: b"", "line 1"),
    "with a mark": (lambda content: b"\xef\xbb\xbf" + content, "line 1: .* byte order mark"),
    "binary": (lambda _: bytes(range(256)) * 9, "line 1"),
    "another file": (lambda _: b'{"command":"register"}\n', "line 1"),
    "of a later release": (replaced(1, b'"ledger":1', b'"ledger":2'), "line 1"),
    "cut off in a line": (lambda content: content[:-9], "line"),
    "cut off between lines": (lines_changed(lambda lines: lines.pop()), "end"),
    "without its beginning": (lines_changed(lambda lines: lines.pop(0)), "line 1"),
    "an event is gone": (lines_changed(lambda lines: lines.pop(5)), "end"),
    "two change places": (
        lines_changed(lambda lines: lines.insert(5, lines.pop(6))), "position",
    ),
    "an event comes twice": (lines_changed(lambda lines: lines.insert(5, lines[4])), "position"),
    "something behind the end": (lines_changed(lambda lines: lines.append(lines[5])), "line"),
    "a letter": (replaced(9, b'"actor":"device"', b'"actor":"devise"'), "end"),
    "an unknown event": (replaced(9, b'"topic":"addressee.', b'"topic":"elsewhere.'), "position"),
    "no JSON": (replaced(9, b'{"position"', b"{position"), "line 9"),
    "a text for a number": (replaced(9, b'"version":', b'"version":"1","v":'), "line 9"),
    "a NUL": (replaced(9, b'"stream":"', b'"stream":"\\u0000'), "line 9"),
    "a long name": (replaced(9, b'"stream":"', b'"stream":"' + b"x" * 300), "line 9"),
    "version 0": (replaced(2, b'"version":1', b'"version":0'), "line 2"),
    "a version twice": (lines_changed(repeat_a_version), "position"),
    "blanks in a state": (replaced(9, b'"state":{', b'"state": {'), "end"),
    "a state that is not last": (replaced(9, b'"state":', b'"state":{},"state":'), "line 9"),
}  # fmt: skip


def test_a_file_that_was_damaged_is_refused_and_nothing_of_it_stays(
    origin: SqlStore, target: MemoryStore | SqlStore, tmp_path: Path
) -> None:
    whole, bad = tmp_path / "whole.jsonl", tmp_path / "bad.jsonl"
    end = exported(origin, whole)
    for damage, (change, place) in DAMAGES.items():
        bad.write_bytes(change(whole.read_bytes()))
        with pytest.raises(LedgerFileInvalid, match=place) as refused:
            imported(target, bad)
        assert "@" not in str(refused.value), damage
        assert "shop-ali" not in str(refused.value), damage
        assert verify(target).events == 0, damage
    assert imported(target, whole) == end, "the store is as good as new"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no Parquet file"),
        (b"PAR1" + bytes(90) + b"PAR1", "no Parquet file"),
        (b'{"ledger":1}\n', "no Parquet file"),
    ],
)
def test_what_is_no_parquet_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "bad.parquet").write_bytes(content)
    with pytest.raises(LedgerFileInvalid, match=problem):
        imported(MemoryStore(), tmp_path / "bad.parquet")


def test_a_parquet_file_of_others_and_one_that_was_damaged_are_refused(
    origin: SqlStore, tmp_path: Path
) -> None:
    exported(origin, tmp_path / "one.parquet")
    table = pq.read_table(tmp_path / "one.parquet")
    metadata = pq.read_metadata(tmp_path / "one.parquet").metadata
    said = {name: metadata[name] for name in (b"addressee.heading", b"addressee.end")}
    bare = {k: v for k, v in (table.schema.metadata or {}).items() if k not in said}
    for name, changed, problem in (
        ("bare", table.replace_schema_metadata(bare), "metadata"),
        ("columns", table.drop_columns("version").replace_schema_metadata(said), "columns"),
        ("short", table.slice(0, 9).replace_schema_metadata(said), "end"),
        (
            "endless",
            table.replace_schema_metadata({b"addressee.heading": said[b"addressee.heading"]}),
            "end",
        ),
    ):
        pq.write_table(changed, tmp_path / f"{name}.parquet")
        with pytest.raises(LedgerFileInvalid, match=problem):
            imported(MemoryStore(), tmp_path / f"{name}.parquet")
    content = bytearray((tmp_path / "one.parquet").read_bytes())
    content[200:400] = bytes(200)
    (tmp_path / "torn.parquet").write_bytes(content)
    with pytest.raises(LedgerFileInvalid):
        imported(MemoryStore(), tmp_path / "torn.parquet")


BOMB = """
import sys
from pathlib import Path
import pyarrow
from addressee.adapters.ledger_files import opened_source
from addressee.domain import LedgerFileInvalid

with opened_source(Path(sys.argv[1])) as source:
    try:
        for event in source.events:
            pass
    except LedgerFileInvalid as refused:
        print(refused, file=sys.stderr)
print(pyarrow.default_memory_pool().max_memory() >> 20)
"""


@pytest.mark.parametrize("shared", [True, False])
def test_a_small_file_that_unpacks_to_a_large_one_takes_little_memory(
    tmp_path: Path, *, shared: bool
) -> None:
    many, size = 70, 4_000_000
    heading = b'{"ledger":1,"indexed_attributes":[],"key_fingerprint":"x"}'
    columns = COLUMNS.with_metadata({b"addressee.heading": heading})
    table = pa.Table.from_pydict(
        {
            "position": range(1, many + 1),
            "stream": ["person:x"] * many,
            "version": range(1, many + 1),
            "topic": ["x"] * many,
            "state": ["x" * size] * many,
            "state_bytes": [None] * many,
        },
        schema=columns,
    )
    path = tmp_path / "bomb.parquet"
    pq.write_table(
        table, path, compression="zstd", use_dictionary=shared, dictionary_pagesize_limit=size * 2
    )
    assert path.stat().st_size < 200_000 < many * size / 1_000
    done = command_line.run("-c", BOMB, str(path), folder=tmp_path)
    assert int(done.stdout) < 100, "MiB"
    assert ("row group 0: has 280," in done.stderr) is not shared
