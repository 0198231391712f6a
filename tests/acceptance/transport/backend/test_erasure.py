"""Erasure over `/v1`: a dry run, the certificate, and whom a key may erase."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from addressee.adapters.http import Client, Problem
from addressee.adapters.keys import SqlKeyStore
from addressee.application import Identity, Personalization, verify
from tests.acceptance.transport.backend.asking import problem, v1
from tests.acceptance.transport.conftest import World, served_world

ADMIN = ("shop", "admin")
WRAPPING = bytes(32)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """Serve a sealed store, whose keys `addressee serve` takes from its environment."""
    folder: Path = tmp_path_factory.mktemp("sealed")
    (folder / "wrapping.key").write_text(WRAPPING.hex())
    url = f"sqlite:///{folder}/keys.db"
    named = {"ADDRESSEE_KEYS": url, "ADDRESSEE_WRAPPING_KEY": f"{folder}/wrapping.key"}
    with (
        SqlKeyStore(url, wrapping_key=WRAPPING) as keys,
        served_world(f"sqlite:///{folder}/served.db", keys, named) as world,
    ):
        yield world


def person_on(world: World, device: str, email: str) -> str:
    identity = Identity(emails=[email])
    return Personalization(world.store).personalize(device, identity, {"first_name": "Ali"}).person


def test_R50_a_dry_run_then_the_erasure_and_its_certificate(sealed: World) -> None:
    ali = person_on(sealed, phone := sealed.register(), "ali@x.com")
    erase = f"persons/{ali}/erase"
    planned = v1(sealed, erase, {"dry_run": True}, ADMIN).json()
    assert (planned["done"], planned["identifiers"], planned["installations"]) == (
        False,
        1,
        [phone],
    )
    assert v1(sealed, f"persons/{ali}").json()["attributes"] == {"first_name": "Ali"}
    done = v1(sealed, erase, {"correlation_id": "letter 9"}, ADMIN).json()
    assert done["done"]
    assert done["fingerprint"]
    assert done["outside"]
    assert problem(v1(sealed, f"persons/{ali}")) == (404, "UNKNOWN_PERSON")
    assert v1(sealed, erase, {}, ADMIN).json() == done, "it may be repeated"
    told = v1(sealed, f"persons/{ali}/history").json()
    assert "ali@x.com" not in str(told)
    [begun] = [each for each in told if each["event"] == "ErasureRequested"]
    assert (begun["correlation_id"], begun["actor"][:8]) == ("letter 9", "backend:")
    assert sealed.found("email:ali@x.com") == []
    assert verify(sealed.store).differences == ()


def test_R50_the_client_erases_with_a_key_for_operators(sealed: World) -> None:
    bea = person_on(sealed, sealed.register(), "bea@x.com")
    with Client(sealed.served.url, sealed.keys["shop", "backend"]) as backend:
        with pytest.raises(Problem, match="FORBIDDEN"):
            backend.erase_person(bea)
        assert backend.person(bea)["person"] == bea
    with Client(sealed.served.url, sealed.keys[ADMIN]) as operator:
        assert not operator.erase_person(bea, dry_run=True)["done"]
        assert operator.erase_person(bea, correlation_id="letter 10")["done"]


def test_R50_a_key_erases_only_whom_no_other_application_has_met(sealed: World) -> None:
    both = person_on(sealed, sealed.register(), "both@x.com")
    person_on(sealed, sealed.register("bank"), "both@x.com")
    theirs = person_on(sealed, sealed.register("bank"), "theirs@x.com")
    for body in ({"dry_run": True}, {}):
        answer = v1(sealed, f"persons/{both}/erase", body, ADMIN)
        assert problem(answer) == (409, "ERASURE_REFUSED")
        answers = [
            v1(sealed, f"persons/{name}/erase", body, ADMIN).text.replace(name, "<name>")
            for name in (theirs, "absent")
        ]
        assert answers[0] == answers[1], "one of others looks like nobody"
        assert "UNKNOWN_PERSON" in answers[0]
    assert sealed.found("email:both@x.com")
    wrong = v1(sealed, f"persons/{both}/erase", {"dryrun": True}, ADMIN)
    assert problem(wrong) == (400, "REQUEST_FORMAT_INVALID")


def test_R50_R54_a_device_is_erased_as_by_the_library(sealed: World) -> None:
    people = Personalization(sealed.store)
    phone = people.register("shop", device_name="Ali's phone").installation
    erase = f"installations/{phone}/erase"
    planned = v1(sealed, erase, {"dry_run": True}, ADMIN).json()
    assert (planned["application"], planned["done"], planned["events"]) == ("shop", False, 1)
    assert v1(sealed, f"installations/{phone}").json()["installation"] == phone
    assert problem(v1(sealed, erase, {})) == (403, "FORBIDDEN")
    done = v1(sealed, erase, {"correlation_id": "letter 11"}, ADMIN).json()
    assert done["done"]
    assert done["fingerprint"]
    assert v1(sealed, erase, {}, ADMIN).json() == done, "it may be repeated"
    told = v1(sealed, f"installations/{phone}/history").json()
    assert "Ali" not in str(told)
    [begun] = [each for each in told if each["event"] == "InstallationErasureRequested"]
    assert (begun["correlation_id"], begun["actor"][:8]) == ("letter 11", "backend:")
    assert verify(sealed.store).differences == ()


def test_R50_R54_a_key_erases_only_devices_of_its_application(sealed: World) -> None:
    theirs = sealed.register("bank")
    told = sealed.history.installation(theirs)
    for body in ({"dry_run": True}, {}):
        answers = [
            v1(sealed, f"installations/{name}/erase", body, ADMIN).text.replace(name, "<name>")
            for name in (theirs, "absent")
        ]
        assert answers[0] == answers[1], "one of others looks like none"
        assert "NO_REGISTRATION" in answers[0]
    assert sealed.history.installation(theirs) == told
    with Client(sealed.served.url, sealed.keys["bank", "admin"]) as operator:
        assert not operator.erase_installation(theirs, dry_run=True)["done"]
        assert operator.erase_installation(theirs, correlation_id="letter 12")["done"]


def test_R50_a_store_in_clear_says_so(world: World) -> None:
    device = world.register()
    world.login(device, "in-clear")
    person = world.history.who(device)
    for erased in (f"persons/{person}", f"installations/{device}"):
        assert problem(v1(world, f"{erased}/erase", {}, ADMIN)) == (409, "STORE_NOT_SEALED")
