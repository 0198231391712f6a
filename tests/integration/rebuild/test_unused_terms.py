"""Terms that nobody has or had go at a compaction, and at a rebuild (R50)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from addressee.adapters.sql import Rebuild, RebuildProgress, SqlStore
from addressee.adapters.sql.audience_index.term_dictionary import numbers_and_ordinals
from addressee.adapters.sql.index_history import remembered_states
from addressee.adapters.sql.store import index_upkeep
from addressee.adapters.sql.unit_of_work import transaction
from addressee.application import Identity, Personalization, Targeting, verify
from addressee.domain import Conflict
from tests.patience import PATIENCE


@pytest.fixture(autouse=True)
def marks_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each compaction remember a state of its own."""
    monkeypatch.setattr(remembered_states, "FLIPS", 0)


def rebuild(store: SqlStore) -> int:
    return Rebuild(store, ["audiences"]).run()


def terms(store: SqlStore) -> set[str]:
    with store.auditing() as audit:
        return {term for _, term in audit.terms()}


def person(store: SqlStore, *tags: str) -> tuple[Personalization, str, str]:
    people = Personalization(store)
    phone = people.register("shop").installation
    return people, people.personalize(phone, Identity("ali"), tags={*tags}).person, phone


def test_R35_R50_a_term_that_nobody_has_or_had_is_gone_after_a_compaction_and_may_come_back(
    store: SqlStore,
) -> None:
    people, ali, phone = person(store, "kept", "past", "gone")
    people.tag(ali, remove={"gone"})
    store.compact()
    then = store.last()
    assert {"tag:kept", "tag:past"} <= terms(store)
    assert "tag:gone" not in terms(store)
    people.tag(ali, remove={"past"})
    store.compact()
    store.compact()
    reach = Targeting(store)
    assert "tag:past" in terms(store), "a state of the past has it"
    assert reach.as_of(then).preview("shop", "tag:past and tag:kept") == [phone]
    assert reach.count("shop", "tag:gone or tag:past") == 0
    other = SqlStore(store.database.engine)
    assert Targeting(other).count("shop", "tag:kept and not tag:gone") == 1
    people.tag(ali, add={"new", "gone"})
    for known in (store, other):
        asked = Targeting(known)
        assert asked.preview("shop", "tag:gone and tag:new") == [phone]
        assert asked.count("shop", "tag:kept and tag:new") == 1
    store.compact()
    assert {"tag:gone", "tag:new"} <= terms(store)
    assert verify(store).differences == ()


def test_R50_a_term_that_nobody_has_is_gone_after_a_rebuild_and_may_come_back(
    store: SqlStore,
) -> None:
    people, ali, phone = person(store, "kept", "gone", "back")
    reach = Targeting(store)
    store.compact()
    people.tag(ali, remove={"gone", "back"})
    store.compact()
    assert {"tag:gone", "tag:back"} <= terms(store), "a state of the past has them"
    before = len(terms(store))

    def tag(_: RebuildProgress) -> None:
        people.tag(ali, add={"back"})

    Rebuild(store).run(tag)
    assert "tag:gone" not in terms(store)
    assert len(terms(store)) == before - 1
    assert reach.preview("shop", "tag:back and tag:kept") == [phone]
    assert reach.count("shop", "tag:gone") == 0
    people.tag(ali, add={"new", "gone"}, remove={"back"})
    assert reach.preview("shop", "tag:gone and tag:new and not tag:back") == [phone]
    assert verify(store).differences == ()
    Rebuild(store, ["audiences"]).run()
    assert reach.preview("shop", "tag:gone and tag:new and not tag:back") == [phone]
    assert "tag:back" not in terms(store)
    assert verify(store).differences == ()


def test_R50_terms_of_a_rebuild_that_is_under_way_stay(store: SqlStore) -> None:
    people, ali, phone = person(store, "kept", "late")
    tablet = people.register("shop").installation
    bea = people.personalize(tablet, Identity("bea")).person
    last = store.settled()

    def compact(_: RebuildProgress) -> None:
        if store.settled() == last:  # its new tables have the term by now
            people.tag(ali, remove={"late"})
            store.compact()
            people.tag(bea, add={"other"})  # SQLite gives it the number of a term that is gone

    Rebuild(store, ["audiences"]).run(compact)
    reach = Targeting(store)
    assert reach.preview("shop", "tag:other") == [tablet]
    assert reach.preview("shop", "tag:kept and not tag:late") == [phone]
    assert verify(store).differences == ()


def test_R19_what_is_cached_of_a_dropped_term_is_of_no_other(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, ali, phone = person(store, "kept")
    people.tag(ali, add={"gone"})  # the last number, which SQLite gives to the next one
    people.tag(ali, remove={"gone"})
    with monkeypatch.context() as patch:
        patch.setattr(index_upkeep, "is_rebuilt", lambda *_: True)
        store.compact()
    other = Targeting(SqlStore(store.database.engine))
    assert other.count("shop", "tag:gone") == 0
    assert store.compact() == 0
    people.tag(ali, add={"new"})
    assert (other.count("shop", "tag:gone"), other.preview("shop", "tag:new")) == (0, [phone])


@pytest.mark.parametrize("drop", [SqlStore.compact, rebuild])
def test_R37_a_command_that_takes_a_term_up_while_it_is_dropped_keeps_it(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch, drop: Callable[[SqlStore], object]
) -> None:
    people, ali, phone = person(store, "kept", "taken")
    people.tag(ali, remove={"taken"})
    if store.single_writer:
        return  # one waits for the other
    read, go_on = Event(), Event()

    def slow(*arguments: Any) -> Any:  # noqa: ANN401 # as of the other
        found = numbers_and_ordinals(*arguments)
        if "tag:taken" in found[0]:
            read.set()
            assert go_on.wait(PATIENCE)
        return found

    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as threads:
        patch.setattr(transaction, "numbers_and_ordinals", slow)
        tagging: Future[object] = threads.submit(people.tag, ali, add={"taken"})
        assert read.wait(PATIENCE)
        dropping = threads.submit(drop, store)
        if drop is SqlStore.compact:
            dropping.result(PATIENCE)  # it gives up; a rebuild tries again
        else:
            with pytest.raises(TimeoutError):
                dropping.result(0.5)
        go_on.set()
        tagging.result(PATIENCE)
        dropping.result(PATIENCE)
    assert Targeting(store).preview("shop", "tag:taken and tag:kept") == [phone]
    store.compact()
    assert verify(store).differences == ()


def test_R37_a_hosts_transaction_that_sees_a_dropped_term_begins_again(store: SqlStore) -> None:
    if store.single_writer:
        return  # its file refuses a transaction that has read what is not the newest
    people, ali, phone = person(store, "kept", "taken")
    people.tag(ali, remove={"taken"})
    engine = store.database.engine
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as host, host.begin():
        host.execute(store.parts.prepared.schema.event.select())
        store.compact()
        assert "tag:taken" not in terms(store)
        with pytest.raises(Conflict):
            people.tag(ali, add={"taken"}, transaction=host)
        host.rollback()
    with snapshot.begin() as host:
        people.tag(ali, add={"taken"}, transaction=host)
    assert Targeting(store).preview("shop", "tag:taken and tag:kept") == [phone]
    assert verify(store).differences == ()
