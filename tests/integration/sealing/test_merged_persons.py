"""Merged persons of a sealed store: what is sealed, and what an erasure reaches."""

from __future__ import annotations

import pytest

from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Identity, Personalization, Profiles, Rights, Targeting, verify
from addressee.domain import MergeRefused, UnknownPerson


def test_R50_an_erasure_reaches_all_who_are_merged(store: SqlStore) -> None:
    people = Personalization(store)
    for name in ("one", "two", "three"):
        people.register("shop", installation=name, push_token=name)
    ali = people.personalize("one", Identity("ali"), tags={"vip"}).person
    bea = people.personalize("two", Identity("bea"), {"plan": "gold"}).person
    carl = people.personalize("three", Identity("carl"), tags={"kept"}).person
    digest = people.preview_merge(ali, bea).digest
    merge = people.merge(ali, bea, digest=digest, force="the very same Ali").merge
    assert verify(store).differences == ()
    Rebuild(store).run()
    assert [*Targeting(store).targets("shop", "external_id:bea and tag:vip")] == ["one", "two"]

    rights = Rights(store)
    planned = rights.erase(bea, dry_run=True)
    done = rights.erase(bea)
    assert (planned.identifiers, done.identifiers, done.done) == (2, 2, True)
    assert sorted(done.installations) == ["one", "two"]
    assert rights.erase(ali).done
    for name in (ali, bea):
        with pytest.raises(UnknownPerson):
            Profiles(store).person(name)
        with pytest.raises(UnknownPerson):
            people.preview_merge(carl, name)
    with pytest.raises(MergeRefused):
        people.unmerge(merge)
    assert Profiles(store).find(Identity("ali")) is None
    assert [*Targeting(store).targets("shop", "tag:vip or external_id:bea")] == []
    assert [*Targeting(store).targets("shop", "tag:kept")] == ["three"]
    with store.auditing() as audit:
        assert "the very same Ali" not in repr(audit.events(0, 10_000))
    assert verify(store).differences == ()
    Rebuild(store).run()
    assert verify(store).differences == ()
