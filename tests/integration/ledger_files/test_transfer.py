"""A ledger goes out of a store and into another of any kind, and stays what it was."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped] # it has no types
import pytest
from eventsourcing.compressor import ZlibCompressor

from addressee.adapters.ledger_files import opened_sink
from addressee.adapters.memory import MemoryStore
from addressee.adapters.serialization.event_mapper import EventMapper
from addressee.adapters.sql import SqlStore
from addressee.application import (
    AuditableStore,
    End,
    History,
    Identity,
    Personalization,
    Stored,
    Targeting,
    export_ledger,
    verify,
)
from addressee.application.ledger import transfer
from addressee.application.ledger.hash_chain import START
from addressee.domain import IdentifierKeyWrong, InvalidValue, LedgerFileInvalid, StoreNotEmpty
from tests.integration.ledger_files.conftest import (
    INDEXED,
    exported,
    imported,
    live,
)

QUESTIONS = ["all", "tag:vip", "os:ios and not primary", "attr.plan:gold", "external_id:shop-ali"]


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
