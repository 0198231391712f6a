"""What others do to a store while a process still has it open, or remembers it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from addressee.adapters.http.v1_api import as_of_cache
from addressee.adapters.http.v1_api.as_of_cache import AsOfCache
from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.adapters.sql.store import sealed
from addressee.adapters.sql.unit_of_work.verification_view import SqlAudit
from addressee.application import (
    Identity,
    Personalization,
    Profiles,
    Rights,
    Stored,
    forgotten_erasures,
    stored_events,
    verify,
)
from addressee.application.command_methods.installations import R
from addressee.application.commands import Command
from addressee.application.rights.erasure_commands import RecordErasure
from addressee.application.unit_of_work.command_context import Context
from addressee.domain import StoreUnavailable, UnknownPerson
from tests.integration.sealing.conftest import VALUES, live
from tests.integration.sealing.test_sealed_store import exported, imported


def test_R50_a_store_that_was_opened_empty_writes_nothing_once_others_filled_or_sealed_it(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    live(store)
    exported(store, tmp_path / "one.jsonl")
    url = f"sqlite:///{tmp_path}/other.db"
    with (
        SqlStore(url) as clear,
        SqlStore(url, keys=keys) as early,
        SqlStore(url, keys=keys) as late,
    ):
        imported(late, tmp_path / "one.jsonl")
        for stale in (clear, early):
            with pytest.raises(StoreUnavailable, match="reopen it"):
                Personalization(stale).register("shop", push_token="another")
        Personalization(late).register("shop")
        with SqlStore(url, keys=keys) as again:
            Personalization(again).register("shop")
        assert verify(late).differences == ()


def test_R50_no_other_process_answers_from_what_it_saw_before_an_erasure(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    person, _ = live(store)
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db", keys=keys) as other:
        profiles = Profiles(other)
        assert profiles.person(person).attributes["first_name"] == VALUES["name"]
        Rights(store).erase(person)
        with pytest.raises(UnknownPerson):
            profiles.person(person, since=0)


def test_R50_a_service_caches_no_past_beyond_an_erasure(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(as_of_cache, "FEW", 0)
    person, _ = live(store)
    Personalization(store).register("shop")
    cache, moment = AsOfCache(store, 1 << 20), store.last() - 1
    tagged = f'tag:"{VALUES["tag"]}"'
    assert cache.targeting(moment, "shop").count("shop", tagged) == 1
    Rights(store).erase(person)
    assert cache.targeting(moment, "shop").count("shop", tagged) == 0


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_R51_a_store_with_the_keys_of_another_one_is_told_whom_that_one_has_erased(
    kind: str, store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    person, _ = live(store)
    people = Personalization(store)
    bea = people.personalize(people.register("shop").installation, Identity("bea")).person
    exported(store, tmp_path / "one.jsonl")
    with ExitStack() as opened:
        other = (
            MemoryStore(keys=keys)
            if kind == "memory"
            else opened.enter_context(SqlStore(f"sqlite:///{tmp_path}/other.db", keys=keys))
        )
        imported(other, tmp_path / "one.jsonl")
        assert forgotten_erasures(other) == ()
        Rights(store).erase(person)
        for _ in range(2):
            assert forgotten_erasures(other) == (person,)
            assert forgotten_erasures(store) == ()
        [difference] = [each for each in verify(other).differences if each.place == "person"]
        assert difference.name == person
        with suppress(StoreUnavailable):
            Rights(other, Broken(other)).erase(person)
        assert forgotten_erasures(other) == (), "it has begun, and goes on"
        assert Rights(other).erase(person).done
        assert forgotten_erasures(other) == ()
        assert Profiles(other).person(bea).name == bea
    assert forgotten_erasures(MemoryStore()) == ()


def test_R51_a_key_that_another_store_has_destroyed_is_looked_for_once(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[object] = []

    def counted(audit: SqlAudit) -> Iterator[Stored]:
        reads.append(audit)
        return stored_events(audit)

    monkeypatch.setattr(sealed, "stored_events", counted)
    person, _ = live(store)
    people = Personalization(store)
    bea = people.personalize(people.register("shop").installation, Identity("bea")).person
    exported(store, tmp_path / "before.jsonl")
    with (
        SqlStore(f"sqlite:///{tmp_path}/other.db", keys=keys) as other,
        SqlStore(f"sqlite:///{tmp_path}/empty.db", keys=keys) as empty,
    ):
        live(other)
        for number, name in enumerate((bea, person), start=1):
            Rights(store).erase(name)
            assert [forgotten_erasures(other) for _ in range(3)] == [()] * 3
            assert len(reads) == number
        assert forgotten_erasures(empty) == (), "it may yet be filled with what they seal"
        imported(empty, tmp_path / "before.jsonl")
        assert {*forgotten_erasures(empty)} == {bea, person}


def test_R50_segments_of_all_applications_are_named_also_where_the_ledger_was_restored(
    store: SqlStore, keys: SqlKeyStore, tmp_path: Path
) -> None:
    person, phone = live(store)
    people = Personalization(store)
    people.update_person(phone, remove=Identity(emails=[VALUES["email"]]))
    people.define_segment("bank", "also", f"not email:{VALUES['email']}")
    people.define_segment("bank", "others", "email:someone@x.com or tag:vip")
    shutil.copy(tmp_path / "ledger.db", tmp_path / "before.db")
    shutil.copy(tmp_path / "ledger.db-wal", tmp_path / "before.db-wal")
    named = ("bank/also", "shop/named")
    assert Rights(store).erase(person, dry_run=True).segments == named
    assert Rights(store).erase(person).segments == named
    with SqlStore(f"sqlite:///{tmp_path}/before.db", keys=keys) as restored:
        assert forgotten_erasures(restored) == (person,)
        assert Rights(restored).erase(person, dry_run=True).segments == named
        assert Rights(restored).erase(person).segments == named


class Broken(Personalization):
    """Fails at the second command."""

    def run(self, command: Command[R], context: Context) -> R:
        if isinstance(command, RecordErasure):
            raise StoreUnavailable("the power went")
        return super().run(command, context)
