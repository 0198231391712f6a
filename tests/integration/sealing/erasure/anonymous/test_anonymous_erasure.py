"""What devices told while nobody was signed in is erased once they are gone for long (R54)."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import event

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    Erasure,
    History,
    Identity,
    InstallationErasure,
    Personalization,
    Rights,
    Targeting,
    verify,
)
from addressee.domain import InvalidValue, MobileApp, NoRegistration, Retention, StoreNotSealed
from addressee.domain.events import InstallationErased, InstallationErasureRequested
from tests.integration.sealing.conftest import WRAPPING
from tests.integration.sealing.erasure.anonymous.conftest import SHOP, Devices
from tests.integration.sealing.erasure.conftest import DAY

NEW = (InstallationErasureRequested, InstallationErased)


def test_R54_what_an_expired_device_told_to_nobody_is_erased_after_its_time(life: Devices) -> None:
    life.expired("gone")
    life.anonymous("stays")
    life.expired("kept", "bank")
    assert life.erased(days=29, hours=23) == []
    assert life.erased(hours=1) == ["gone"]
    assert "of-gone" not in life.told("gone")
    assert "of-stays" in life.told("stays")
    assert "of-kept" in life.told("kept"), "its application has no time"
    history = History(life.store)
    events = [each for _, each in history.installation("gone") if isinstance(each, NEW)]
    assert [type(each) for each in events] == [*NEW]
    assert {each.actor for each in events} == {"policy:retention"}
    state = history.installation_state("gone")
    assert (state.facts, state.attributes, {*state.tags}) == ({}, {}, set())
    assert verify(life.store).differences == ()
    with pytest.raises(NoRegistration):
        life.people.register("shop", installation="gone")
    again = life.people.register("shop", push_token="token-of-gone")
    assert again.outcome == "registered"
    assert again.superseded is None
    assert life.erased(days=1_000) == []


@pytest.mark.parametrize("reason", ["superseded", "token_rejected", "unregistered", "inactive"])
def test_R54_any_reason_of_expiry_counts_and_its_time(life: Devices, reason: str) -> None:
    life.anonymous("phone")
    life.clock.move(days=100)
    life.people.expire("phone", reason)  # type: ignore[arg-type] # one of them
    assert life.erased(days=29) == []
    assert life.erased(days=1) == ["phone"]


def test_R50_R54_what_it_told_while_a_person_had_it_is_that_persons(life: Devices) -> None:
    one, two = life.shared("tablet")
    life.clock.move(days=30)
    planned = life.rights.erase_installation("tablet", dry_run=True)
    done: list[Erasure | InstallationErasure] = []
    assert life.rights.erase_inactive(erased=done.append) == 1
    [certificate] = done
    assert isinstance(certificate, InstallationErasure)
    assert (planned.done, planned.events, planned.keys) == (False, 3, 2)
    assert (certificate.done, certificate.events, certificate.keys) == (True, 3, 2)
    assert json.loads(json.dumps(certificate.as_json()))["installation"] == "tablet"
    assert "tablet" in certificate.as_json().values()
    [record] = [
        each for _, each in History(life.store).installation("tablet")
        if isinstance(each, InstallationErased)
    ]  # fmt: skip
    assert (len(record.keys), record.events, record.fingerprint) == (2, 3, certificate.fingerprint)
    told = life.told("tablet")
    assert [word in told for word in ("told-first", "told-by-one", "told-by-two")] == [True] * 3
    assert [word in told for word in ("told-between", "token-between", "told-last")] == [False] * 3
    assert History(life.store).installation_state("tablet").facts == {}, "whoever told them"
    with ZipFile(BytesIO(b"".join(life.rights.of(one)))) as file:
        shown = b"".join(file.read(name) for name in file.namelist())
        assert b"told-first" in shown
        assert b"told-by-one" in shown
        assert b"told-by-two" not in shown
        assert b"Erased" not in shown
    assert life.rights.erase(one).done
    told = life.told("tablet")
    assert [word in told for word in ("told-first", "told-by-one", "told-by-two")] == [
        *(False, False, True)
    ]
    again = life.rights.erase_installation("tablet")
    assert (again.done, again.events) == (True, 3), "what was restated since says nothing"
    assert life.rights.erase(two).done
    assert "told" not in life.told("tablet")
    assert verify(life.store).differences == ()


def test_R50_R54_it_makes_no_difference_whether_the_persons_are_erased_first(
    life: Devices,
) -> None:
    one, two = life.shared("tablet")
    assert life.rights.erase(two).done
    life.clock.move(days=30)
    assert life.erased() == ["tablet"]
    assert life.rights.erase(one).done
    assert "told" not in life.told("tablet")
    assert "token-between" not in life.told("tablet")
    assert verify(life.store).differences == ()


def test_R50_a_device_whose_person_is_erased_first_loses_what_that_restated(life: Devices) -> None:
    life.people.register("shop", installation="tablet", push_token="token-1", os="Android")
    ali = life.people.personalize("tablet", Identity("ali")).person
    life.rights.erase(ali)
    assert "token-1" in life.told("tablet"), "it goes on"
    life.people.expire("tablet", "inactive")
    assert life.erased(days=30) == ["tablet"]
    assert "token-1" not in life.told("tablet")
    assert verify(life.store).differences == ()


def test_R50_R54_who_asks_for_it_has_a_device_erased_that_is_in_use(life: Devices) -> None:
    life.anonymous("phone")
    life.people.personalize("phone", Identity("ali"))
    life.people.depersonalize("phone")
    life.people.update_installation("phone", device_name="told-later")
    life.people.personalize("phone", Identity("ali"))
    rights = Rights(life.store, life.people)
    certificate = rights.erase_installation("phone", actor="operator:ana")
    assert certificate.done
    assert Targeting(life.store).preview("shop", "external_id:ali") == []
    assert "told-later" not in life.told("phone")
    assert "of-phone" in life.told("phone"), "the first who signed in has it"
    assert History(life.store).installation("phone")[-1].event.actor == "operator:ana"
    assert rights.erase_installation("phone") == certificate
    assert verify(life.store).differences == ()
    with pytest.raises(NoRegistration):
        rights.erase_installation("nobody")


def test_R37_R54_a_rebuild_and_the_past_show_nothing_of_it(life: Devices) -> None:
    life.anonymous("gone")
    life.anonymous("stays")
    reach, at = Targeting(life.store), life.store.settled()
    asked = [f'itag:"tag-of-{name}"' for name in ("gone", "stays")]
    assert [reach.as_of(at).count("shop", each) for each in asked] == [1, 1]
    life.people.expire("gone", "inactive")
    assert life.erased(days=30) == ["gone"]
    assert [reach.as_of(at).count("shop", each) for each in asked] == [0, 1]
    assert [reach.count("shop", each) for each in asked] == [0, 1]
    if isinstance(life.store, SqlStore):
        Rebuild(life.store).run()
        assert [reach.as_of(at).count("shop", each) for each in asked] == [0, 1]
    assert verify(life.store).differences == ()


def test_R54_times_that_change_count_at_once(life: Devices) -> None:
    for n in range(3):
        life.expired(f"phone{n}")
    put = life.store.applications.put
    life.clock.move(days=30)
    for other in (MobileApp(code="shop"), MobileApp(code="shop", erase_anonymous_after=60 * DAY)):
        assert life.rights.erase_inactive(erased=lambda _, other=other: put(other)) == 1  # type: ignore[misc] # a default
        assert life.rights.erase_inactive() == 0
        put(SHOP)
    assert len(life.erased()) == 1, "none was passed over"


def test_R54_each_application_has_its_own_time(life: Devices) -> None:
    life.store.applications.put(MobileApp(code="bank", erase_anonymous_after=90 * DAY))
    life.expired("slow", "bank")
    life.expired("fast")
    assert life.erased(days=30) == ["fast"]
    assert life.erased(days=59) == []
    assert life.erased(days=1) == ["slow"]


def test_R54_persons_and_installations_have_times_of_their_own(life: Devices) -> None:
    life.store.applications.put(
        MobileApp(code="shop", erase_after=10 * DAY, erase_anonymous_after=20 * DAY)
    )
    ali = life.sign_in("ali")
    life.people.expire("phone-of-ali", "inactive")
    assert life.erased(days=10) == [ali]
    assert life.erased(days=10) == ["phone-of-ali"]
    bea = life.sign_in("bea")
    life.people.expire("phone-of-bea", "inactive")
    assert life.erased(days=20) == [bea, "phone-of-bea"]
    life.store.applications.put(
        MobileApp(code="shop", erase_after=20 * DAY, erase_anonymous_after=20 * DAY)
    )
    for n in range(2):
        chen = life.sign_in("chen", device=f"tablet{n}")
        life.people.expire(f"tablet{n}-of-chen", "inactive")
        assert life.erased(days=20) == [chen, f"tablet{n}-of-chen"]
    assert verify(life.store).differences == ()


def test_R54_it_costs_what_falls_due_and_not_all_that_are_there(tmp_path: Path) -> None:
    costs: list[int] = []
    for others in (2, 20):
        keys = SqlKeyStore(f"sqlite:///{tmp_path}/keys{others}.db", wrapping_key=WRAPPING)
        with closing(keys), SqlStore(f"sqlite:///{tmp_path}/{others}.db", keys=keys) as store:
            store.applications.put(SHOP)
            life = Devices(store)
            for n in range(others):
                life.anonymous(f"stays{n}")
                life.expired(f"gone{n}")
            assert len(life.erased(days=30)) == others
            life.expired("due")
            life.clock.move(days=30)
            rights = Rights(store, Personalization(store, clock=life.clock))
            statements: list[object] = []
            event.listen(
                store.database.engine,
                "before_cursor_execute",
                lambda *told, statements=statements: statements.append(told[2]),
            )
            assert rights.erase_inactive() == 1
            costs.append(len(statements))
    assert costs[0] == costs[1]


def test_R54_only_a_sealed_store_erases_and_a_day_is_the_least(life: Devices) -> None:
    clear = MemoryStore()
    clear.applications.put(SHOP)
    phone = Personalization(clear).register("shop").installation
    with pytest.raises(StoreNotSealed):
        Rights(clear).erase_inactive()
    with pytest.raises(StoreNotSealed):
        Rights(clear).erase_installation(phone)
    with pytest.raises(InvalidValue, match="a day or longer"):
        Retention(erase_anonymous_after=timedelta(hours=23))
    with pytest.raises(InvalidValue, match="a day or longer"):
        MobileApp(code="shop", erase_anonymous_after=3_600)
    life.expired("phone")
    life.store.applications.put(MobileApp(code="shop"))
    assert life.erased(days=1_000) == []
