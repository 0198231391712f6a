"""The index forgets what the data of an erased person once led to (R50)."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from pyroaring import BitMap
from sqlalchemy import select

from addressee.adapters.keys import MemoryKeyStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.adapters.sql.index_history.marks import FORGOTTEN
from addressee.application import (
    AsOf,
    Identity,
    Past,
    Personalization,
    Profiles,
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

LIVES, STEPS, MOMENTS, PAGE = 4, 40, 15, 30


def remembered(store: SqlStore) -> tuple[BitMap, BitMap]:
    """Return the ordinals that changes of postings have, and those that are forgotten."""
    changes = store.parts.prepared.schema.posting_change.c
    found = {True: BitMap(), False: BitMap()}
    with store.database.reading() as connection:
        for mark, data in connection.execute(select(changes.mark, changes.data)):
            found[mark == FORGOTTEN] |= BitMap.deserialize(data)
    return found[False], found[True]


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
                changed, forgotten = remembered(each)
                assert ordinals
                assert ordinals <= forgotten
                assert not changed & forgotten
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
