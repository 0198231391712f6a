"""A new identifier key takes effect as a whole or not at all, whatever happens meanwhile (R5)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from threading import Event

import pytest
from sqlalchemy import create_engine, text

from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization, Targeting, rekey, verify
from addressee.domain import AddresseeError, Conflict, IdentifierKeyOutdated
from tests.contract.merges.test_lives import shown
from tests.integration.sealing.erasure.interruptions import Steps, Stopped, counting

from .test_rekeyed_store import live

LEAST = 20
"""It has more steps than that; fewer would mean that they are not counted."""
DEVICES = 24


def test_R5_a_new_key_that_fails_at_any_step_changes_nothing(
    url: str, database: str, *, long: bool
) -> None:
    with SqlStore(url) as store:
        live(store, 0)
    for at in count(1, 1 if long else 3 if database == "sqlite" else 11):
        with SqlStore(url) as store:
            key, last, models = store.identifier_key, store.last(), shown(store)
            steps = Steps(at)
            with suppress(Stopped), counting(steps):
                rekey(store)
            if steps.done < at:
                assert at > LEAST
                break
        with SqlStore(url) as store:
            if store.identifier_key == key:  # else it had committed
                assert (store.last(), shown(store)) == (last, models), at
            assert Targeting(store).preview("shop", "external_id:id2") == ["d1", "d2"]
            Personalization(store).personalize("d0", Identity("id0"))
    with SqlStore(url) as store:
        assert verify(store).differences == ()


def test_R5_sign_ins_meanwhile_make_no_second_person(url: str) -> None:
    """Two processes' stores sign the same persons in, each on devices of its own."""
    with SqlStore(url) as store:
        for n in range(DEVICES):
            for place in "ab":
                Personalization(store).register("shop", installation=f"{place}{n}")
    with SqlStore(url) as store, SqlStore(url) as other, SqlStore(url) as own:
        begun = Event()

        def sign_in(people: Personalization, place: str) -> list[str]:
            found: list[str] = []
            for n in range(DEVICES):
                try:
                    identity = Identity(f"id{n}", emails=[f"{n}@x.com"])
                    people.personalize(f"{place}{n}", identity)
                    found.append("in")
                except AddresseeError as error:
                    found.append(error.code)
                begun.set()
            return found

        with ThreadPoolExecutor(3) as threads:
            one = threads.submit(sign_in, Personalization(store), "a")
            two = threads.submit(sign_in, Personalization(other), "b")
            begun.wait()
            done = threads.submit(rekey, own).result()
            outcomes = [one.result(), two.result()]
    for each in outcomes:
        assert {*each} <= {"in", "IDENTIFIER_KEY_OUTDATED"}, Counter(each)
        assert [*each] == sorted(each, reverse=True), "refused for good"
    assert done.identifiers <= 2 * DEVICES
    with SqlStore(url) as again:
        people, reach = Personalization(again), Targeting(again)
        for n in range(DEVICES):
            persons = {people.personalize(f"{p}{n}", Identity(f"id{n}")).person for p in "ab"}
            assert len(persons) == 1
            assert reach.preview("shop", f"external_id:id{n}") == [f"a{n}", f"b{n}"]
        assert verify(again).differences == ()


def test_R5_a_transaction_of_the_host_s_that_is_older_is_refused(url: str, database: str) -> None:
    engine = create_engine(url)
    with SqlStore(engine) as store, SqlStore(url) as own:
        live(store, 0)
        people = Personalization(store)
        phone = people.register("shop").installation
        level = "SERIALIZABLE" if database == "sqlite" else "REPEATABLE READ"
        with engine.connect().execution_options(isolation_level=level) as host:
            if database != "sqlite":  # which lets nobody write meanwhile
                host.execute(text("SELECT count(*) FROM addressee_setting"))
            rekey(own)
            with pytest.raises((Conflict, IdentifierKeyOutdated)):
                people.personalize(phone, Identity("new"), transaction=host)
            host.rollback()
        assert verify(own).differences == ()
    engine.dispose()
