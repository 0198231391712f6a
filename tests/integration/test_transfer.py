"""A ledger goes out of a store and into another of any kind, and stays what it was."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped] # it has no types
import pytest
from eventsourcing.compressor import ZlibCompressor

from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.ledger_files.parquet import COLUMNS
from addressee.adapters.memory import MemoryStore
from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.adapters.sql import SqlStore
from addressee.application import (
    AuditableStore,
    End,
    FillableStore,
    History,
    Identity,
    Personalization,
    Stored,
    Targeting,
    bulk,
    export_ledger,
    import_ledger,
    verify,
)
from addressee.application.ledger import transfer
from addressee.application.ledger.hash_chain import START
from addressee.domain import IdentifierKeyWrong, InvalidValue, LedgerFileInvalid, StoreNotEmpty
from tests.contract.oracle import Life

INDEXED = ("attr.plan",)
QUESTIONS = ["all", "tag:vip", "os:ios and not primary", "attr.plan:gold", "external_id:shop-ali"]


def live(store: MemoryStore | SqlStore, application: str = "shop", steps: int = 80) -> None:
    life = Life(random.Random(application), application)  # noqa: S311 # a life that can be had again
    bulk(Personalization(store), [life.step() for _ in range(steps)])


def leave_a_hole(store: SqlStore) -> None:
    """Leave out positions, as transactions that are rolled back do on a server."""
    with store.database.writing() as connection:
        connection.exec_driver_sql("update sqlite_sequence set seq = seq + 7")


@pytest.fixture
def origin(tmp_path: Path) -> Generator[SqlStore]:
    """A store in SQLite that has lived, and has left out positions at its beginning and within."""
    with SqlStore(f"sqlite:///{tmp_path}/origin.db", indexed_attributes=INDEXED) as store:
        live(store)
        leave_a_hole(store)
        live(store, "bank")
        yield store


SERVERS = {"postgresql": "postgres", "mariadb": "mariadb"}
MARIADB = pytest.param("mariadb", marks=pytest.mark.mariadb)


@pytest.fixture(params=["memory", "sqlite", "postgresql", MARIADB])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[MemoryStore | SqlStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    url = f"sqlite:///{tmp_path}/target.db"
    if request.param in SERVERS:
        url = request.getfixturevalue(SERVERS[request.param]).new_database()
    with SqlStore(url) as store:
        yield store


def exported(store: AuditableStore, path: Path, *, with_key: bool = True) -> End:
    return export_ledger(store, lambda heading: opened_sink(path, heading), with_key=with_key)


def imported(store: FillableStore, path: Path, key: bytes | None = None) -> End:
    with opened_source(path) as source:
        return import_ledger(store, source, key=key)


def answers(store: AuditableStore) -> list[list[str]]:
    reach = Targeting(store)
    return [[*reach.targets(code, q)] for code in ("shop", "bank") for q in QUESTIONS]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_R37_what_comes_out_of_a_store_that_was_filled_is_what_went_in(
    origin: SqlStore,
    target: MemoryStore | SqlStore,
    tmp_path: Path,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("addressee.application.ledger.transfer.PAGE", 1)
    end = exported(origin, tmp_path / f"one.{form}")
    assert end.last > end.events > 150, "positions were left out"
    assert imported(target, tmp_path / f"one.{form}") == end
    assert exported(target, tmp_path / f"two.{form}") == end
    one, two = ((tmp_path / f"{name}.{form}").read_bytes() for name in ("one", "two"))
    assert one == two
    assert verify(target).differences == ()
    assert answers(target) == answers(origin)
    assert any(answers(target))


def test_a_store_that_was_filled_goes_on(
    origin: SqlStore, target: MemoryStore | SqlStore, tmp_path: Path
) -> None:
    end = exported(origin, tmp_path / "one.jsonl")
    imported(target, tmp_path / "one.jsonl")
    people = Personalization(target)
    device = people.register("shop", os="ios").installation
    # Whose identifiers are found by the key that travelled along.
    known = Identity(external_id="shop-ali")
    person = people.personalize(device, known).person
    other = Personalization(origin).register("shop").installation
    assert Personalization(origin).personalize(other, known).person == person
    reach = Targeting(target)
    assert [*reach.targets("shop", "external_id:shop-ali")][-1] == device
    with target.reading() as reader:
        [first, *rest] = reader.events(end.last, 100)
    assert first.position == end.last + 1
    assert [type(event).__name__ for _, event in rest] == ["DevicePersonalized"] * 2
    assert History(target).installation(device)[0].position == first.position
    assert verify(target).differences == ()
    assert Targeting(target).as_of(end.last).count("shop", "all") == len(answers(origin)[0]) - 1
    if isinstance(target, SqlStore):
        with SqlStore(target.database.engine) as again:
            assert again.identifier_key == origin.identifier_key
            assert again.indexed_attributes == {*INDEXED}


def test_what_was_exported_is_read_without_us(origin: SqlStore, tmp_path: Path) -> None:
    end = exported(origin, tmp_path / "one.jsonl", with_key=False)
    exported(origin, tmp_path / "one.parquet", with_key=False)
    heading, *events, last = map(json.loads, (tmp_path / "one.jsonl").read_text().splitlines())
    assert heading.keys() == {"ledger", "indexed_attributes", "key_fingerprint"}
    assert last == {
        "events": len(events),
        "last": events[-1]["position"],
        "digest": end.digest.hex(),
    }
    rows = pq.read_table(tmp_path / "one.parquet").to_pylist()
    assert [json.loads(row.pop("state")) for row in rows] == [e.pop("state") for e in events]
    assert [row.pop("state_bytes") for row in rows] == [None] * len(rows)
    assert rows == events
    for path in tmp_path.glob("one.*"):
        assert path.stat().st_mode & 0o077 == 0, "only its owner may read it"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_state_that_is_no_json_travels_as_bytes(tmp_path: Path, form: str) -> None:
    def opened(name: str) -> SqlStore:
        return SqlStore(f"sqlite:///{tmp_path}/{name}.db", mapper=EventMapper(ZlibCompressor()))

    with opened("one") as one, opened("two") as two:
        live(one)
        exported(one, tmp_path / f"one.{form}")
        imported(two, tmp_path / f"one.{form}")
        exported(two, tmp_path / f"two.{form}")
        assert verify(two).differences == ()
    first, second = ((tmp_path / f"{name}.{form}").read_bytes() for name in ("one", "two"))
    assert first == second
    with pytest.raises(LedgerFileInvalid, match="position 1"):
        imported(MemoryStore(), tmp_path / f"one.{form}")


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
    many, size = 150, 4_000_000
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
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 100, "MiB"
    assert ("row group 0: has 600," in done.stderr) is not shared


def test_an_import_takes_large_events_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAGE", 5)
    monkeypatch.setattr(transfer, "PAGE_BYTES", 100)
    sizes = [10] * 7 + [60] * 4 + [500, 1]
    events = [Stored(n, "x", n, "x", b"x" * size) for n, size in enumerate(sizes)]
    pages = [[len(event.state) for event in page] for page in transfer.pages(iter(events))]
    assert pages == [[10] * 5, [10, 10, 60, 60], [60, 60], [500], [1]]


def test_large_events_end_a_group_of_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addressee.adapters.ledger_files.parquet.GROUP_BYTES", 2_000)
    store = MemoryStore()
    live(store)
    end = exported(store, tmp_path / "one.parquet")
    metadata = pq.read_metadata(tmp_path / "one.parquet")
    assert 2 < metadata.num_row_groups < end.events
    assert imported(MemoryStore(), tmp_path / "one.parquet") == end


def test_the_key_must_be_the_ledgers(
    origin: SqlStore, target: MemoryStore | SqlStore, tmp_path: Path
) -> None:
    path = tmp_path / "one.jsonl"
    end = exported(origin, path, with_key=False)
    with pytest.raises(IdentifierKeyWrong):
        imported(target, path)
    with pytest.raises(IdentifierKeyWrong):
        imported(target, path, key=bytes(32))
    assert imported(target, path, key=origin.identifier_key) == end
    assert target.identifier_key == origin.identifier_key
    same = MemoryStore(identifier_key=origin.identifier_key, indexed_attributes=["attr.x"])
    assert imported(same, path) == end
    assert same.indexed_attributes == {"attr.x", *INDEXED}


def test_a_store_that_has_events_is_left_alone(
    origin: SqlStore, target: MemoryStore | SqlStore, tmp_path: Path
) -> None:
    exported(origin, tmp_path / "one.jsonl")
    Personalization(target).register("shop", installation="mine")
    key = target.identifier_key
    with pytest.raises(StoreNotEmpty):
        imported(target, tmp_path / "one.jsonl")
    assert [*Targeting(target).targets("shop", "all")] == ["mine"]
    assert target.identifier_key == key


def test_an_empty_ledger_travels_too(target: MemoryStore | SqlStore, tmp_path: Path) -> None:
    for form in ("jsonl", "parquet"):
        assert exported(MemoryStore(), tmp_path / f"none.{form}") == End(0, 0, START)
        assert imported(target, tmp_path / f"none.{form}") == End(0, 0, START)
    Personalization(target).register("shop", installation="first")
    assert verify(target).position == 1


def test_an_export_that_fails_leaves_nothing_behind(origin: SqlStore, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("one.jsonl", "one.parquet"):
        with pytest.raises(RuntimeError):
            export_ledger(origin, lambda h: opened_sink(folder / name, h), progress=fail)  # noqa: B023 # called at once
        assert [*folder.iterdir()] == []
    (folder / "mine.jsonl").write_text("mine")
    with pytest.raises(InvalidValue, match="exists already"):
        exported(origin, folder / "mine.jsonl")
    assert (folder / "mine.jsonl").read_text() == "mine"
    with pytest.raises(InvalidValue, match="can't be written"):
        exported(origin, folder / "missing" / "one.jsonl")
    with pytest.raises(InvalidValue, match="can't be opened"):
        imported(MemoryStore(), folder / "missing.jsonl")
