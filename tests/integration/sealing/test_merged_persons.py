"""Merged persons of a sealed store: what is sealed, and what an erasure reaches."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import Identity, Personalization, Profiles, Rights, Targeting, verify
from addressee.application.command_methods.installations import R
from addressee.application.commands import Command
from addressee.application.unit_of_work.command_context import Context
from addressee.domain import MergeRefused, StoreUnavailable, UnknownPerson


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
    assert (planned.events, planned.keys) == (done.events, done.keys)
    assert sorted(done.installations) == ["one", "two"]
    assert rights.erase(ali).done
    for name in (ali, bea):
        with pytest.raises(UnknownPerson):
            Profiles(store).person(name)
        for pair in ((carl, name), (name, carl)):
            with pytest.raises(MergeRefused, match="erased"):
                people.preview_merge(*pair)
            with pytest.raises(MergeRefused, match="erased"):
                people.merge(*pair, digest=digest, force="they are the same")
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


class Interrupted(Personalization):
    """Calls something before the first command, or fails at one of them."""

    def __init__(self, store: SqlStore, at: int, interrupt: Callable[[], object]) -> None:
        super().__init__(store)
        self._left, self._interrupt = at, interrupt

    def run(self, command: Command[R], context: Context) -> R:
        self._left -= 1
        if self._left == 0:
            self._interrupt()
        return super().run(command, context)


def fail() -> None:
    raise StoreUnavailable("the power went")


def test_R51_no_interruption_leaves_merged_persons_half_erased(store: SqlStore) -> None:
    people, profiles = Personalization(store), Profiles(store)
    for at in (1, 2, 3):
        ali, bea = merged(people, f"ali{at}", f"bea{at}")
        carl = signed_up(people, f"carl{at}")
        with suppress(StoreUnavailable):
            Rights(store, Interrupted(store, at, fail)).erase(ali)
        known = {name for name in (ali, bea) if is_known(profiles, name)}
        assert known in (set(), {ali, bea}), "none or both"
        if not known:
            with pytest.raises(MergeRefused, match="erased"):
                people.preview_merge(bea, carl)
        done = Rights(store).erase(bea)
        assert (done.done, done.identifiers) == (True, 2)
        assert is_known(profiles, carl)
    assert verify(store).differences == ()


def test_R51_a_person_merged_while_an_erasure_begins_is_erased_too(store: SqlStore) -> None:
    people = Personalization(store)
    ali, bea = merged(people, "ali", "bea")
    people.define_segment("shop", "carl", "email:carl@x.com")
    carl = signed_up(people, "carl")

    def merge() -> None:
        people.merge(bea, carl, digest=people.preview_merge(bea, carl).digest)

    done = Rights(store, Interrupted(store, 1, merge)).erase(ali)
    assert (done.done, done.identifiers, done.segments) == (True, 3, ("shop/carl",))
    assert not is_known(Profiles(store), carl)
    assert verify(store).differences == ()


def signed_up(people: Personalization, name: str) -> str:
    """Return a person with a device and an email of that name."""
    phone = people.register("shop").installation
    return people.personalize(phone, Identity(emails=[f"{name}@x.com"])).person


def merged(people: Personalization, *names: str) -> list[str]:
    """Return persons of these names, merged into the first."""
    first, *others = [signed_up(people, name) for name in names]
    for each in others:
        people.merge(first, each, digest=people.preview_merge(first, each).digest)
    return [first, *others]


def is_known(profiles: Profiles, person: str) -> bool:
    try:
        profiles.person(person)
    except UnknownPerson:
        return False
    return True
