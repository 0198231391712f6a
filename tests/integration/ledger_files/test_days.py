"""Facts go into files by day: each once, and no run changes what an earlier one has written."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped] # it has no types
import pytest

from addressee.adapters.ledger_files import opened_days
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import (
    AuditableStore,
    ExportedFacts,
    FactRow,
    Identity,
    Personalization,
    Recorded,
    bulk,
    export_facts,
    rekey,
)
from addressee.application.ledger import facts_export as facts
from addressee.domain import ErasureRequested, InvalidValue, LedgerFileInvalid
from tests.contract.audiences.oracle import Life
from tests.integration.ledger_files.conftest import leave_a_hole

BEGIN = datetime(2026, 3, 28, 22, tzinfo=UTC)
SECRETS = ("shop-ali", "shop-t", "gold", "vip", "android", "ana@x.com", "of bea@x.com", "call 7")
"""Parts of external ids, push tokens, attributes, tags and device facts; texts of callers."""


class Days:
    """A life of which each command comes some hours after the one before."""

    def __init__(self, store: MemoryStore | SqlStore, chance: random.Random) -> None:
        self.now, self._chance = BEGIN, chance
        self._life = Life(chance, "shop")
        self._people = Personalization(store, clock=self._clock)

    def live(self, commands: int) -> None:
        for _ in range(commands):
            bulk(self._people, [self._life.step()])

    def _clock(self) -> datetime:
        self.now += timedelta(hours=self._chance.randrange(9))
        return self.now


def added(store: AuditableStore, folder: Path, *, personal: bool = False) -> ExportedFacts:
    return export_facts(store, partial(opened_days, folder), personal=personal)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob("day=*/*.parquet")}


def in_files(folder: Path) -> list[FactRow]:
    """Return the rows of all files in order of their positions; each is in its own day's folder."""
    rows: list[FactRow] = []
    for path in folder.glob("day=*/*.parquet"):
        here = [FactRow(*row.values()) for row in pq.ParquetFile(path).read().to_pylist()]
        assert {f"day={row.time.date().isoformat()}" for row in here} == {path.parent.name}
        first, last = map(int, path.stem.split("-"))
        assert first <= here[0].position
        assert here[-1].position <= last
        rows += here
    return sorted(rows)


def in_ledger(store: AuditableStore, *, personal: bool = False) -> list[FactRow]:
    with store.auditing() as audit:
        rows = [facts.fact_row(each, personal=personal) for each in audit.events(0, 100_000)]
    return [row for row in rows if row is not None]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "PAGE", 10)
    monkeypatch.setattr(facts, "SEGMENT", 30)


@pytest.mark.usefixtures("small_pages")
def test_each_run_adds_files_with_the_facts_since_the_last_one(
    target: MemoryStore | SqlStore, tmp_path: Path
) -> None:
    chance = random.Random(17)  # noqa: S311 # a life that can be had again
    days, folder = Days(target, chance), tmp_path / "facts"
    last, before = 0, dict[str, bytes]()
    for run in range(6):
        days.live(chance.randrange(1, 30))
        if run == 2 and isinstance(target, SqlStore) and target.single_writer:
            leave_a_hole(target)
        told = added(target, folder)
        assert told.first == last + 1
        assert in_files(folder) == in_ledger(target)
        after = files(folder)
        assert after.items() > before.items()
        assert added(target, folder) == ExportedFacts(told.last + 1, told.last, 0)
        assert files(folder) == after
        last, before = told.last, after
    ranges = sorted({tuple(map(int, name[15:-8].split("-"))) for name in before})
    assert len(ranges) > 6, "more than a segment in some run"
    assert [first for first, _ in ranges] == [1, *(end + 1 for _, end in ranges[:-1])]


def test_a_late_fact_adds_a_file_to_its_own_day(tmp_path: Path) -> None:
    store, folder = MemoryStore(), tmp_path / "facts"
    people = Personalization(store)
    people.register("shop", at=BEGIN)
    people.register("shop", at=BEGIN + timedelta(days=2))
    added(store, folder)
    before = files(folder)
    people.register("shop", at=BEGIN + timedelta(minutes=1))
    assert added(store, folder).rows == 1
    [name] = files(folder).keys() - before.keys()
    assert name.startswith("day=2026-03-28/")


def test_R29_a_row_has_personal_data_only_where_it_is_asked_for(tmp_path: Path) -> None:
    store = MemoryStore()
    Days(store, random.Random(5)).live(150)  # noqa: S311 # a life that can be had again
    name_callers(store)
    added(store, tmp_path / "facts")
    content = repr(in_files(tmp_path / "facts"))
    assert [each for each in SECRETS if each in content] == []
    added(store, tmp_path / "all", personal=True)
    content = repr(in_files(tmp_path / "all"))
    assert [each for each in SECRETS if each not in content] == []


def name_callers(store: MemoryStore) -> None:
    """Have a caller write names into each text of an event that is a caller's."""
    people = Personalization(store)
    segment = ("shop", "of bea@x.com")
    people.define_segment(*segment, "tag:vip", actor="operator:ana@x.com", correlation_id="call 7")
    people.remove_segment(*segment, actor="operator:ana@x.com", correlation_id="call 7")


def test_R29_a_row_of_an_erasure_names_no_segment() -> None:
    event = ErasureRequested(
        originator_id="person:p", timestamp=BEGIN, actor="backend", segments=("shop/of bea",)
    )
    shown = {p: facts.fact_row(Recorded(1, event), personal=p) for p in (False, True)}
    assert "shop/of bea" in repr(shown[True])
    assert "shop/of bea" not in repr(shown[False])


def test_R29_a_folder_has_personal_data_or_none(tmp_path: Path) -> None:
    store = MemoryStore()
    for personal in (False, True):
        folder = tmp_path / str(personal)
        Personalization(store).register("shop")
        added(store, folder, personal=personal)
        before = files(folder)
        Personalization(store).register("shop")
        kind = "with" if personal else "without"
        with pytest.raises(InvalidValue, match=f"{folder} has facts {kind} personal data"):
            added(store, folder, personal=not personal)
        assert files(folder) == before
        assert added(store, folder, personal=personal).rows == 1


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object], int], bool]:
    """Return what runs an export up to some number of syncs and renames; returns if it ended so."""
    left = 0

    def counted(work: Callable[..., object]) -> Callable[..., object]:
        def step(*given: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return work(*given)

        return step

    def run(export: Callable[[], object], steps: int) -> bool:
        nonlocal left
        left = steps
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", counted(lambda _: None))
            patched.setattr("pathlib.Path.rename", counted(Path.rename))
            try:
                export()
            except Killed:
                return True
        return False

    return run


@pytest.mark.usefixtures("small_pages")
def test_a_run_that_is_killed_leaves_whole_files_and_the_next_one_goes_on(
    tmp_path: Path, killed: Callable[[Callable[[], object], int], bool]
) -> None:
    store, folder, begun = MemoryStore(), tmp_path, set[int]()
    Days(store, random.Random(3)).live(30)  # noqa: S311 # a life that can be had again
    whole = in_ledger(store)
    for steps in range(10_000):
        folder = tmp_path / str(steps)
        export = partial(added, store, folder)
        if not killed(export, steps):
            break
        left = files(folder)
        rows = in_files(folder)
        begun.add(len(rows))
        assert set(rows) <= set(whole)
        if steps % 3 == 0:
            assert killed(export, 1), "and again, while it mends"
        Personalization(store).register("shop", at=BEGIN)
        export()
        whole = in_ledger(store)
        assert in_files(folder) == whole
        assert files(folder).items() >= left.items(), "nothing that was there has changed"
        assert not [*folder.rglob("*.part")]
    assert len(begun) > len(files(folder)) > 6, "each rename was the last one once"


def refusals(folder: Path, other: MemoryStore) -> Sequence[tuple[AuditableStore, Path, str]]:
    (folder.parent / "file").touch()
    return (
        (other, folder, "facts of another ledger"),
        (other, folder.parent / "file", "can't be written"),
        (other, folder.parent / "no" / "folder", "can't be written"),
    )


def test_a_folder_of_another_ledger_or_of_what_was_restored_is_refused(tmp_path: Path) -> None:
    store, folder = MemoryStore(identifier_key=b"key"), tmp_path / "facts"
    people = Personalization(store)
    device = people.register("shop").installation
    people.personalize(device, Identity(external_id="ali"))
    added(store, folder)
    before = files(folder)
    other = MemoryStore(identifier_key=b"another")
    Personalization(other).register("shop")
    for wrong, path, problem in refusals(folder, other):
        with pytest.raises(InvalidValue, match=problem):
            added(wrong, path)
    restored = MemoryStore(identifier_key=b"key")
    for _ in range(2):
        with pytest.raises(InvalidValue, match="restored from a backup"):
            added(restored, folder)
        bulk(Personalization(restored), [lambda p: p.register("shop")] * 9)
    assert files(folder) == before


def test_a_folder_goes_on_after_its_ledger_has_another_identifier_key(tmp_path: Path) -> None:
    folder = tmp_path / "facts"
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        Days(store, random.Random(7)).live(20)  # noqa: S311 # a life that can be had again
        for _ in range(2):
            added(store, folder)
            before = files(folder)
            rekey(store)
            Personalization(store).register("shop")
            assert added(store, folder).rows >= 1
            assert files(folder).items() > before.items()
            assert in_files(folder) == in_ledger(store)


def test_a_folder_is_written_by_one_export_at_a_time(tmp_path: Path) -> None:
    store, folder = MemoryStore(), tmp_path / "facts"
    Personalization(store).register("shop")

    def meanwhile(_: int, __: int) -> None:
        with pytest.raises(InvalidValue, match="in use by another export"):
            added(store, folder)

    export_facts(store, partial(opened_days, folder), progress=meanwhile)
    assert in_files(folder) == in_ledger(store)


@pytest.mark.parametrize("content", [b"", b"PAR1" + bytes(90) + b"PAR1"])
def test_a_newest_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    store, folder = MemoryStore(), tmp_path / "facts"
    Personalization(store).register("shop", at=BEGIN)
    added(store, folder)
    (folder / "day=2026-03-28" / f"{9:019}-{9:019}.parquet").write_bytes(content)
    with pytest.raises(LedgerFileInvalid, match="day=2026-03-28/0000000000000000009"):
        added(store, folder)
