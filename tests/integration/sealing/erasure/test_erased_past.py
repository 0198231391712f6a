"""The index forgets what the data of an erased person once led to (R50)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from addressee.adapters.keys import MemoryKeyStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.adapters.sql.index_history import remembered_states
from addressee.adapters.sql.index_history.remembered_states import FORGOTTEN
from addressee.adapters.sql.unit_of_work.view import SqlReader
from addressee.application import (
    AsOf,
    Identity,
    Past,
    Personalization,
    Profiles,
    Recorded,
    Replay,
    Rights,
    Targeting,
    verify,
    whole_page,
)
from addressee.application.ports.records import LARGEST_POSITION
from addressee.domain import AddresseeError
from tests.contract.ledger.test_past_states import Hasty, compacting, no_fold, same_as_folded
from tests.integration.sealing.conftest import INDEXED

__all__ = ["compacting"]

LIVES, STEPS, MOMENTS, PAGE = 1, 40, 5, 30


def remembered(store: SqlStore) -> tuple[BitMap, BitMap]:
    """Return the forgotten ordinals that a change has up to their marks, and all forgotten ones."""
    change = store.parts.prepared.schema.posting_change.c
    kept, forgotten = BitMap(), BitMap()
    rows = select(change.term, change.data).order_by(change.mark.desc(), change.term)
    with store.database.reading() as connection:
        for term, data in connection.execute(rows):
            found = BitMap.deserialize(data)
            if term == FORGOTTEN:  # before all changes up to its mark
                forgotten |= found
            else:
                kept |= found & forgotten
    return kept, forgotten


def copy_on(source: SqlStore, copy: SqlStore, replay: Replay) -> None:
    """Copy what is new in a ledger, page by page."""
    while True:
        with source.auditing() as audit:
            length = len(whole_page(audit.events, replay.position, PAGE))
            page = audit.stored(replay.position, length, LARGEST_POSITION)
        if not length:
            return
        with copy.following() as ledger:
            ledger.follow(page, replay.changes(ledger.recorded(page), ledger))


@pytest.mark.usefixtures("compacting")
def test_R50_states_of_the_index_forget_the_erased(tmp_path: Path, *, long: bool) -> None:
    keys = MemoryKeyStore()
    for seed in range(20 if long else LIVES):
        with (
            SqlStore(
                f"sqlite:///{tmp_path}/{seed}.db", indexed_attributes=INDEXED, keys=keys
            ) as store,
            SqlStore(f"sqlite:///{tmp_path}/{seed}-copy.db", keys=keys) as copy,
        ):
            with copy.filling(store.identifier_key, {*INDEXED}, store.sealed_as):
                pass
            replay = Replay({*INDEXED}, store.identifier_key)
            chance = random.Random(seed)  # noqa: S311 # can be had again
            life, erased = Hasty(chance, store, "shop"), list[str]()
            for step in range(STEPS):
                with suppress(AddresseeError):  # the life does not know who was erased
                    life.step()
                if step % 9 == 8 and (persons := life.persons()):
                    copy_on(store, copy, replay)
                    erased += (
                        Rights(store, life.people).erase(chance.choice(persons).name).installations
                    )
            moments = [0, *(chance.randint(0, store.last()) for _ in range(MOMENTS))]
            copy_on(store, copy, replay)
            for each in (store, copy):
                same_as_folded(each, life, moments)
                with each.reading() as view:
                    ordinals = BitMap(view.ordinals(None, {*erased}).values())
                kept, forgotten = remembered(each)
                assert ordinals
                assert ordinals <= forgotten
                assert not kept
            Rebuild(store).run()
            assert not remembered(store)[1], "a rebuild has nothing to forget"
            same_as_folded(store, life, moments)
            assert verify(store).differences == ()


@pytest.mark.usefixtures("compacting")
def test_R50_an_erased_identifier_never_led_to_the_person_it_was_merged_with(
    tmp_path: Path,
) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/merged.db", keys=MemoryKeyStore()) as store:
        people = Personalization(store)
        for device, name in (("phone", "ali"), ("tablet", "mia")):
            people.register("shop", installation=device)
            people.personalize(device, Identity(external_id=name))
        ali, mia = (Profiles(store).find(Identity(external_id=name)) for name in ("ali", "mia"))
        assert ali is not None
        assert mia is not None
        digest = people.preview_merge(ali.name, mia.name).digest
        merge = people.merge(ali.name, mia.name, digest=digest, force="a test").merge
        merged = store.last()
        people.unmerge(merge)
        Rights(store, people).erase(ali.name)
        for then in (Targeting(Past(store, merged)), Targeting(AsOf(store, merged, no_fold))):
            for erased in ("external_id:ali", "external_id:ali or tag:never"):
                assert then.count("shop", erased) == 0
            assert then.count("shop", "external_id:mia or tag:never") == 2


@pytest.mark.usefixtures("compacting")
def test_R35_R50_after_an_erasure_no_query_reads_the_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, its_streams = set[str](), SqlReader.streams

    def streams(view: SqlReader, after: Mapping[str, int]) -> Mapping[str, Sequence[Recorded]]:
        read.update(after)
        return its_streams(view, after)

    monkeypatch.setattr(SqlReader, "streams", streams)
    with SqlStore(f"sqlite:///{tmp_path}/read.db", keys=MemoryKeyStore()) as store:
        people = Personalization(store)
        owners: list[str] = []
        for n in range(20):
            people.register("shop", installation=f"d{n}", os="ios")
            owners.append(people.personalize(f"d{n}", Identity(f"u{n}"), tags={"vip"}).person)
        store.compact()
        before = store.last()
        for owner in owners[:5]:
            Rights(store, people).erase(owner)
        store.compact()
        for tag in ("new", "newer"):
            for n in range(20):
                people.tag_installation(f"d{n}", add={tag})
            store.compact()
        after = store.last()
        people.tag_installation("d19", add={"newest"})
        store.compact()
        erased = {f"installation:d{n}" for n in range(5)}
        for moment, streamed in ((before, erased), (after, set[str]())):
            for audience in ("os:ios", "itag:newer or tag:vip"):
                folded = Targeting(Past(store, moment)).count("shop", audience)
                read.clear()
                assert Targeting(AsOf(store, moment, no_fold)).count("shop", audience) == folded
                assert read & erased == streamed
        assert verify(store).differences == ()


def test_R50_no_state_tells_of_an_erasure_that_has_only_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each command compacts first, what it changes itself comes with the next mark.
    monkeypatch.setattr("addressee.adapters.sql.audience_index.compaction_trigger.COMPACT_AT", 1)
    monkeypatch.setattr("addressee.adapters.sql.index_history.remembered_states.FLIPS", 0)
    keys = MemoryKeyStore()
    with SqlStore(f"sqlite:///{tmp_path}/begun.db", keys=keys) as store:
        people = Personalization(store)
        people.register("shop", installation="phone")
        ali = people.personalize("phone", Identity("ali"), tags={"vip"}).person
        with monkeypatch.context() as broken:
            broken.delattr(MemoryKeyStore, "destroy")
            with pytest.raises(AttributeError):
                Rights(store, people).erase(ali)
        people.register("shop", installation="tablet")
        store.compact()
        change = store.parts.prepared.schema.posting_change.c
        with store.database.reading() as connection:
            rows = select(change.data).where(change.term > FORGOTTEN)
            changed = [BitMap.deserialize(data) for (data,) in connection.execute(rows)]
        with store.reading() as view:
            ordinals = view.ordinals("shop", {"phone", "tablet"})
        assert BitMap.union(*changed) == BitMap([ordinals["tablet"]])


def test_R50_a_compaction_drops_terms_of_the_erased_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered_states, "FLIPS", 0)
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db", keys=MemoryKeyStore()) as store:
        people = Personalization(store)
        names: dict[str, str] = {}
        for name in ("ali", "bea"):
            phone = people.register("shop", installation=f"phone-of-{name}").installation
            names[name] = people.personalize(phone, Identity(name), tags={"vip", name}).person
            store.compact()
        people.tag(names["ali"], remove={"ali"}, add={"later"})
        store.compact()
        before = named(store)
        assert len(before & {"ali", "bea", "vip", "later"}) == 4
        Rights(store, people).erase(names["ali"])
        store.compact()
        assert before - named(store) == {"ali", "later"}, "a state of the past has the others"
        assert verify(store).differences == ()
        assert Targeting(store).preview("shop", "tag:vip") == ["phone-of-bea"]


def named(store: SqlStore) -> set[str]:
    """Return those of some tags that the dictionary of a sealed store has."""
    with store.auditing() as audit:
        known = {term for _, term in audit.terms()}
        return {
            tag for tag in ("ali", "bea", "vip", "later") if audit.written(f"tag:{tag}") in known
        }
