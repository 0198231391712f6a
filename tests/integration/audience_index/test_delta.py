"""What is kept of the delta between questions is never more, nor less, than a reader sees (R19)."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from unittest.mock import patch

import pytest
from sqlalchemy import insert

from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.audience_index import delta_reader as delta_reading
from addressee.adapters.sql.schema.tables import Schema
from addressee.application import (
    Changes,
    Identity,
    InstallationChange,
    Message,
    Notifier,
    Personalization,
    Targeting,
)
from addressee.application.ports.transaction_views import View

DELTA = Schema.named().delta
IOS = {"os:ios"}


@pytest.fixture
def store(url: str) -> Generator[SqlStore]:
    with SqlStore(url) as store:
        yield store


def on_ios(reader: View) -> list[int]:
    return list(reader.postings("shop", IOS, range(1)).get("os:ios", ()))


@contextmanager
def rows_read() -> Generator[list[int]]:
    """Note of each answer about what is new how many rows it took."""
    read: list[int] = []
    answer_of = delta_reading.ask

    def ask(*args: object) -> delta_reading.Answer:
        answer = answer_of(*args)  # type: ignore[arg-type] # passed on as they are
        read.append(sum(map(len, answer.rows.values())))
        return answer

    with patch.object(delta_reading, "ask", ask):
        yield read


def test_only_what_is_new_is_read(store: SqlStore) -> None:
    people, reach = Personalization(store), Targeting(store)
    with rows_read() as read:
        for n in range(10):
            people.register("shop", installation=f"d{n}", os="ios")
            assert reach.count("shop", "os:ios") == n + 1
    assert max(read[1:]) == 2, "one row of os:ios and one of reachable"


def test_R39_batches_read_what_is_new_and_see_what_others_write(store: SqlStore) -> None:
    """A second store logs somebody out and writes chunks between the batches of a dispatch."""
    people = Personalization(store)
    for n in range(12):
        people.register("shop", installation=f"d{n}", os="ios", push_token=f"t{n}")
        people.personalize(f"d{n}", Identity(external_id=f"p{n}"))
    push = RecordingPush()
    notifier = Notifier(store, {"fcm": push, "apns": push}, batch=2)
    made = notifier.dispatch("shop", "type:customer", Message(title="Hi"))
    with SqlStore(store.database.engine) as other, rows_read() as read:
        batches = count(1)

        def meanwhile(_: int) -> None:
            match next(batches):
                case 2:
                    Personalization(other).depersonalize("d5")
                case 3:
                    other.compact()
                case 4:
                    Personalization(other).depersonalize("d10")
                case _:
                    pass

        notifier.run(made.id, meanwhile)
    sent = [each.recipient.installation for each in push.sent]
    assert sent == [f"d{n}" for n in range(12) if n not in {5, 10}]
    assert 0 < sum(read) < 12, "a batch read the whole delta"


def test_what_appears_before_the_last_row_is_noticed(store: SqlStore) -> None:
    """A transaction may take its numbers first and end last; on SQLite it can't."""
    people = Personalization(store)
    for n in range(4):
        people.register("shop", installation=f"d{n}", os="ios" if n == 0 else "android")
    with store.reading() as reader:
        [first] = on_ios(reader)
    cached = store.parts.prepared.index.cache.newest.get(("shop", frozenset(IOS)))
    assert cached is not None
    number = cached["os:ios"]
    early, late = ({"term": number, "ordinal": first + n, "present": 1} for n in (1, 2))
    if store.database.single_writer:
        with store.database.writing() as connection:
            connection.execute(insert(DELTA), [early, late])
    else:
        with store.database.writing() as slow:
            slow.execute(insert(DELTA), early)
            with store.database.writing() as fast:
                fast.execute(insert(DELTA), late)
            with store.reading() as reader:
                assert on_ios(reader) == [first, first + 2]
    with store.reading() as reader:
        assert on_ios(reader) == [first, first + 1, first + 2]


def test_a_reader_that_began_earlier_sees_what_was_there_then(store: SqlStore) -> None:
    people = Personalization(store)
    people.register("shop", installation="d0", os="ios")
    with store.reading() as earlier:
        assert earlier.ordinals("shop", {"d0"})  # on MariaDB, this is when the moment is chosen
        for n in range(1, 4):
            people.register("shop", installation=f"d{n}", os="ios")
        with store.reading() as later:
            assert len(on_ios(later)) == 4
        assert len(on_ios(earlier)) == 1
        with store.reading() as later:
            assert len(on_ios(later)) == 4


def test_after_a_compaction_the_delta_begins_anew(store: SqlStore) -> None:
    people, reach = Personalization(store), Targeting(store)
    for n in range(9):
        people.register("shop", installation=f"d{n}", os="ios")
        if n % 3 == 2:  # as many rows as before, and on SQLite with the same numbers
            assert reach.count("shop", "os:ios") == n + 1
            with SqlStore(store.database.engine) as other:
                assert other.compact() > 0


def test_what_is_rolled_back_is_not_kept(store: SqlStore) -> None:
    people = Personalization(store)
    for name in ("first", "second"):
        people.register("shop", installation=name)
    people.update_installation("first", os="ios")
    store.compact()

    def ask_and_fail() -> None:
        with store.writing() as transaction:
            transaction.append(
                (), Changes(installations=[InstallationChange("first", "shop", lost=IOS)])
            )
            assert on_ios(transaction) == []
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ask_and_fail()
    with store.writing() as transaction:  # on SQLite the row gets the number of the other
        transaction.append(
            (), Changes(installations=[InstallationChange("second", "shop", gained=IOS)])
        )
    with store.reading() as reader:
        assert len(on_ios(reader)) == 2


def test_many_writers_and_readers_agree(store: SqlStore) -> None:
    people, reach = Personalization(store), Targeting(store)
    for n in range(30):
        people.register("shop", installation=f"d{n}", os="ios")

    def write(worker: int) -> None:
        for n in range(20):
            name = f"d{n % 5 * 6 + worker}"  # nobody else's
            os = "ios" if n * (worker + 1) % 3 else "android"
            people.update_installation(name, os=os)
            with store.reading() as reader:
                [ordinal] = reader.ordinals("shop", {name}).values()
                assert (ordinal in on_ios(reader)) == (os == "ios")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))
    with SqlStore(store.database.engine) as fresh:
        for question in ("os:ios", "os:android", "all"):
            expected = list(Targeting(fresh).targets("shop", question))
            assert list(reach.targets("shop", question)) == expected
