"""What the index remembers: checked, rebuilt, missing in stores of earlier releases (R35, R37)."""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import delete, insert, select, update

from addressee.adapters.sql import Rebuild, SqlStore, unfilled
from addressee.adapters.sql.index_history.bitmap_codec import written
from addressee.adapters.sql.schema.bookkeeping_tables import COMPLETE
from addressee.adapters.sql.unit_of_work.view import SqlReader
from addressee.application import (
    AsOf,
    Identity,
    Personalization,
    Recorded,
    RememberingView,
    Targeting,
    verify,
)
from addressee.application.ports.records import LARGEST_POSITION
from addressee.domain import DevicePersonalized, PrimaryChanged
from tests.contract.conftest import INDEXED
from tests.contract.ledger.test_past_states import Hasty, compacting, no_fold, same_as_folded

__all__ = ["compacting"]

pytestmark = pytest.mark.usefixtures("compacting")
LIFE, STEPS, MOMENTS = 5, 30, 2


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url, indexed_attributes=INDEXED) as store:
        yield store


def lived(store: SqlStore, steps: int = STEPS) -> tuple[Hasty, list[int]]:
    """Let a store live; return the life and some positions."""
    life = Hasty(random.Random(LIFE), store, "shop")  # noqa: S311 # the same each time
    for _ in range(steps):
        life.step()
    return life, [life.chance.randint(0, store.last()) for _ in range(MOMENTS)]


def run(store: SqlStore, statement: Any) -> Sequence[Any]:  # noqa: ANN401 # any statement
    """Run a statement on the tables and return its rows, if it has any."""
    with store.database.writing() as connection:
        found = connection.execute(statement)
        return found.all() if found.returns_rows else ()


def problems(store: SqlStore) -> list[str]:
    return [f"{each.place} {each.name}: {each.problem}" for each in verify(store).differences]


def test_R37_states_are_rebuilt_as_they_were_written(store: SqlStore) -> None:
    life, moments = lived(store)
    same_as_folded(store, life, moments)
    Rebuild(store, page=40).run()
    assert problems(store) == []
    same_as_folded(store, life, moments)
    Rebuild(store).run()
    same_as_folded(store, life, moments)
    for _ in range(10):
        life.step()
    store.compact()
    assert problems(store) == []
    same_as_folded(store, life, moments)


def test_R35_changed_streams_are_those_of_the_events_that_count(store: SqlStore) -> None:
    _, moments = lived(store)
    kinds = {"installation": (), "person": (PrimaryChanged.TOPIC, DevicePersonalized.TOPIC)}
    with store.reading() as view:
        for after, last in [(0, LARGEST_POSITION), sorted(moments)]:
            expected = dict[str, int]()
            for _, event in view.events(after, 10_000, last):
                category = event.originator_id.partition(":")[0]
                if event.TOPIC not in kinds.get(category, (event.TOPIC,)):
                    expected.setdefault(event.originator_id, event.originator_version)
            assert dict(view.changed(after, last, kinds)) == expected


def test_R35_a_store_of_an_earlier_release_answers_and_is_filled(store: SqlStore) -> None:
    schema = store.parts.prepared.schema
    life, moments = lived(store)
    # As earlier code leaves it, which compacts and notes nothing.
    for table in (schema.index_mark, schema.posting_change, schema.time_span):
        run(store, delete(table))
    run(store, delete(schema.setting).where(schema.setting.c.name == COMPLETE["audiences"]))
    life.step()
    store.compact()
    same_as_folded(store, life, moments)
    assert problems(store) == []
    assert unfilled(store) == ["audiences"]
    with store.reading() as view:
        assert isinstance(view, RememberingView)
        assert view.marks(1, store.last()) is None
    Rebuild(store, unfilled(store)).run()
    assert unfilled(store) == []
    with store.reading() as view:
        assert isinstance(view, RememberingView)
        assert view.marks(1, store.last()) is not None
    same_as_folded(store, life, moments)
    assert problems(store) == []


def test_R37_verify_names_what_is_remembered_wrongly(store: SqlStore) -> None:
    schema = store.parts.prepared.schema
    lived(store)
    store.compact()
    assert problems(store) == []
    changes, spans = schema.posting_change, schema.time_span
    [(term, mark, checksum, data), *_] = run(store, select(changes).order_by(changes.c.mark))
    here = (changes.c.term == term) & (changes.c.mark == mark)

    def put(checksum: int, data: bytes) -> None:
        run(store, update(changes).where(here).values(checksum=checksum, data=data))

    put(checksum + 1, data)
    assert [each for each in problems(store) if "wrong checksum" in each]
    put(*written(BitMap.deserialize(data) ^ BitMap([3])))
    assert [each for each in problems(store) if "should not have had" in each or "lacked" in each]
    put(checksum, data)
    assert problems(store) == []
    [(last, earliest, latest), *_] = run(store, select(spans).order_by(spans.c.last))
    run(store, update(spans).where(spans.c.last == last).values(latest=latest + 1))
    [problem] = problems(store)
    assert "has other times" in problem
    run(store, update(spans).where(spans.c.last == last).values(latest=latest))
    run(store, spans.insert().values(last=store.last() + 1, earliest=earliest, latest=latest))
    [problem] = problems(store)
    assert "is noted in the times" in problem


def test_R35_no_streams_are_read_however_much_has_changed(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, read = Personalization(store), list[object]()
    for n in range(40):
        people.register("shop", installation=f"d{n}", os="ios")
        people.personalize(f"d{n}", Identity(f"p{n}"), tags={"vip"})
    position = store.last()
    for n in range(40):
        people.depersonalize(f"d{n}")

    def streams(view: SqlReader, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        found = its_streams(view, after)
        read.extend(each for recorded in found.values() for each in recorded)
        return found

    its_streams = SqlReader.streams
    monkeypatch.setattr(SqlReader, "streams", streams)
    past = Targeting(AsOf(store, position, no_fold))
    assert past.count("shop", "tag:vip and os:ios") == 40
    assert not read, "nothing changed between the moment and the next mark, and before it too"


def test_R35_events_without_postings_have_marks_too(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addressee.adapters.sql.index_history.remembered_states.EVENTS", 20)
    people = Personalization(store)
    people.register("shop", installation="phone")
    for n in range(100):
        people.update_installation("phone", attributes={"colour": str(n)})
    with store.reading() as view:
        assert isinstance(view, RememberingView)
        marks = view.marks(50, store.settled())
    assert marks is not None
    before, after = marks
    assert after is not None
    assert before.last <= 50 <= after.settled
    assert after.last - before.last <= 60
    same_as_folded(store, Hasty(random.Random(LIFE), store, "shop"), [10, 50, 70])  # noqa: S311 # the same each time


def test_R50_changes_that_an_event_may_be_in_are_found_without_reading_all_marks(
    store: SqlStore,
) -> None:
    """A mark has the events behind what was settled before it, up to its last one."""
    ends = [(3, 5), (3, 9), (7, 9), (9, 9), (20, 20), (24, 31)]  # settled and last of each
    table = store.parts.prepared.schema.index_mark
    rows = [
        {"number": number, "settled": settled, "last": last, "flips": 1}
        for number, (settled, last) in enumerate(ends, 1)
    ]
    befores = [-1, *(settled for settled, _ in ends)]
    marks = store.parts.prepared.index.marks
    with store.database.writing() as connection:
        connection.execute(delete(table))
        assert marks.across(connection, range(40)) == set()
        connection.execute(insert(table), rows)
        for position in range(40):
            expected = {
                number
                for number, (_, last) in enumerate(ends, 1)
                if befores[number - 1] < position <= last
            }
            assert marks.across(connection, [position]) == expected, position
        for positions in ([4, 8, 31], [30, 2, 3], range(40)):
            each = [marks.across(connection, [position]) for position in positions]
            assert marks.across(connection, positions) == set().union(*each), positions


def test_events_of_other_topics_are_gaps(store: SqlStore) -> None:
    lived(store)
    with store.reading() as view:
        expected = [
            (position, event if isinstance(event, DevicePersonalized) else None)
            for position, event in view.events(3, 40)
        ]
        assert {event is None for _, event in expected} == {True, False}
        assert view.events_of({DevicePersonalized.TOPIC}, 3, 40, store.last()) == expected
        before_last = expected[-1][0] - 1
        assert view.events_of({DevicePersonalized.TOPIC}, 3, 40, before_last) == expected[:-1]
