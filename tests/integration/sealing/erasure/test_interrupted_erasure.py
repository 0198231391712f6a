"""An erasure that ends at any of its steps goes on later, and comes to the same end (R51)."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    Erasure,
    History,
    Identity,
    Past,
    Personalization,
    Profiles,
    Rights,
    Targeting,
    forgotten_erasures,
    interrupted_erasures,
    verify,
)
from addressee.domain import ErasureRequested, StoreUnavailable, UnknownPerson
from tests.forked import forked
from tests.integration.sealing.conftest import WRAPPING
from tests.integration.sealing.erasure.interruptions import Steps, Stopped, counting
from tests.servers import Postgres

SOME = 17
"""Without --long it fails at every ninth step."""
LEAST = 20
"""An erasure has more steps than that; fewer would mean that they are not counted."""


class Opened(NamedTuple):
    """An open store, and where another process finds it and its keys."""

    store: SqlStore
    keys: SqlKeyStore
    urls: tuple[str, str]


@contextmanager
def opened(urls: tuple[str, str]) -> Generator[Opened]:
    """Open a store that is at the first URL, with the keys at the second one."""
    with (
        SqlKeyStore(urls[1], wrapping_key=WRAPPING) as keys,
        SqlStore(urls[0], keys=keys, indexed_attributes=["attr.plan"]) as store,
    ):
        yield Opened(store, keys, urls)


@pytest.fixture(params=["sqlite", "postgres"])
def sealed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    if request.param == "sqlite":
        urls = f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/keys.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        urls = server.new_database(), server.new_database()
    with opened(urls) as found:
        yield found


def live(people: Personalization, name: str) -> str:
    """Return a person who has lived as all others have, under a name of their own."""
    phone, tablet = (
        people.register("shop", installation=f"{kind}-of-{name}", push_token=f"{kind}-{name}")
        for kind in ("phone", "tablet")
    )
    identity = Identity(f"id-{name}", emails=[f"{name}@x.com"])
    person = people.personalize(
        phone.installation, identity, {"plan": f"plan-{name}"}, tags={f"tag-{name}"}
    ).person
    people.personalize(tablet.installation, identity)
    people.update_installation(phone.installation, device_name=f"device-{name}")
    return person


def same_for_all(done: Erasure) -> tuple[object, ...]:
    """Return what an erasure says that depends neither on the person's name nor on what failed.

    After a rollback a stream takes another key, so that there may be more of them.
    """
    return done.done, done.events, len(done.installations), done.identifiers


def test_R51_an_erasure_that_fails_at_any_step_goes_on(sealed: Opened, *, long: bool) -> None:
    store = sealed.store
    people = Personalization(store)
    first = live(people, "first")
    steps = Steps(0)
    with counting(steps):
        right = Rights(store).erase(first)
    assert right.done
    assert steps.done > LEAST
    for at in count(1, 1 if long else SOME):
        name = f"person-{at}"
        person = live(people, name)
        steps = Steps(at)
        with suppress(Stopped), counting(steps):
            Rights(store).erase(person)
        is_whole_or_gone(store, person, name)
        assert same_for_all(Rights(store).erase(person)) == same_for_all(right), at
        is_gone(store, person, name, like=first)
        if steps.done < at:
            break
    is_clean(store)


@pytest.mark.only_long
def test_R51_an_erasure_that_is_killed_at_any_step_goes_on(sealed: Opened) -> None:
    people = Personalization(sealed.store)
    first = live(people, "first")
    right = Rights(sealed.store).erase(first)
    for at in count(1):
        name = f"person-{at}"
        person = live(people, name)
        with forked("-c", KILLED, *sealed.urls, person, str(at)) as process:
            ended = process.wait()
        assert ended in {0, -signal.SIGKILL}, at
        with opened(sealed.urls) as again:
            is_whole_or_gone(again.store, person, name)
            assert same_for_all(Rights(again.store).erase(person)) == same_for_all(right), at
            is_gone(again.store, person, name, like=first)
        if not ended:
            assert at > LEAST
            break
    is_clean(sealed.store)


def test_R51_an_erasure_that_has_only_begun_is_named_until_it_goes_on(
    sealed: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sealed.store
    people = Personalization(store)
    one, other, bea = (live(people, name) for name in ("one", "other", "bea"))
    digest = people.preview_merge(one, other).digest
    people.merge(one, other, digest=digest, force="both are Ali")

    def fails(_: object) -> None:
        raise StoreUnavailable("no key store")

    with monkeypatch.context() as broken:
        broken.setattr(sealed.keys, "destroy", fails)
        with pytest.raises(StoreUnavailable):
            Rights(store).erase(one)
    assert "plan-one" in repr(History(store).person(one)), "its keys are there"
    assert {*interrupted_erasures(store)} == {one, other}
    for known in (store, SqlStore(sealed.urls[0])):  # the second has no keys
        named = {each.name for each in verify(known).differences if each.place == "person"}
        assert named == {one, other}
        if known is not store:
            known.close()
    assert Rights(store).erase(one).done
    is_clean(store)
    assert is_known(store, bea)


def is_known(store: SqlStore, person: str) -> bool:
    with suppress(UnknownPerson):
        return bool(Profiles(store).person(person))
    return False


def is_whole_or_gone(store: SqlStore, person: str, name: str) -> None:
    reached = Targeting(store).count("shop", f"tag:tag-{name}")
    assert reached == (2 if is_known(store, person) else 0), name


def is_gone(store: SqlStore, person: str, name: str, *, like: str) -> None:
    """Check that nothing of a person can be found, and that as much is recorded as of another."""
    history, reach = History(store), Targeting(store)
    assert not is_known(store, person)
    for within in (None, "shop"):
        assert not history.identifier("email", f"{name}@x.com", within=within)
    for audience in (f"tag:tag-{name}", f"email:{name}@x.com", f"attr.plan:plan-{name}"):
        assert reach.count("shop", audience) == 0
    reached = next(each.position for each in history.person(person)
                   if isinstance(each.event, ErasureRequested)) - 1  # fmt: skip
    for then in (reach.as_of(reached), Targeting(Past(store, reached))):
        assert then.count("shop", f"email:{name}@x.com") == 0
        assert then.count("shop", f"external_id:id-{name} or tag:never") == 0
        assert then.count("shop", f"installation:phone-of-{name}") == 1
    own, others = history.person(person), history.person(like)
    assert [type(each.event) for each in own] == [type(each.event) for each in others]
    told = repr([own, history.installation(f"phone-of-{name}")])
    for value in (f"id-{name}", f"{name}@x.com", f"plan-{name}", f"tag-{name}", f"device-{name}"):
        assert value not in told
    assert f"phone-{name}" in told, "which the device needs"


def is_clean(store: SqlStore) -> None:
    assert forgotten_erasures(store) == ()
    assert interrupted_erasures(store) == ()
    assert verify(store).differences == ()
    Rebuild(store).run()
    assert verify(store).differences == ()


KILLED = """
import os, signal, sys

from addressee.application import Rights
from tests.integration.sealing.erasure.interruptions import Steps, counting
from tests.integration.sealing.erasure.test_interrupted_erasure import opened

ledger, keys, person, at = sys.argv[1:]
with opened((ledger, keys)) as found:
    rights = Rights(found.store)
    with counting(Steps(int(at), lambda: os.kill(os.getpid(), signal.SIGKILL))):
        rights.erase(person)
"""
