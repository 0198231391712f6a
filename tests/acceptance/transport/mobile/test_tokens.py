"""Persons' data by a token of the person, and by no other."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest

from addressee.application import Identity, Personalization
from tests.acceptance.transport.conftest import HOME, SECRET, Token, World, code_of

LOGIN = {"userIdentity": {"externalUserId": "ali"}}


def bearer(world: World, method: str, path: str, body: object, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return world.http.request(method, path, json=body, headers=headers)


def test_the_flow_with_a_genuine_token(world: World, token: Token) -> None:
    device = world.register("vault")
    path, mine = f"{HOME}/{device}", token("flow", jti="1", iat=1_700_000_000)
    body = {"userIdentity": {"externalUserId": "flow", "emails": [{"address": "flow@x.com"}]}}
    told = bearer(world, "POST", f"{path}/personalize", body, mine)
    assert told.json()["externalUserId"] == "flow"
    assert bearer(world, "PATCH", f"{path}/user", {"firstName": "F"}, mine).content == b""
    assert bearer(world, "GET", f"{path}/user", None, mine).json()["firstName"] == "F"
    assert world.send("PATCH", path, {"isPrimary": True}, "vault").is_success
    assert world.found("external_id:flow and primary", "vault") == [device]
    # No backend and no claim has vouched for it (R55).
    assert world.found("email:flow@x.com", "vault") == []
    assert world.send("POST", f"{path}/depersonalize", app="vault").is_success
    assert world.found("external_id:flow", "vault") == []


def unsigned(claims: dict[str, object], header: dict[str, object]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in (header, claims))
    return ".".join([*(part.rstrip("=") for part in parts), ""])


CLAIMS: dict[str, object] = {"sub": "ali", "infobip-api-key": "vault", "exp": 4_000_000_000}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"exp": 1_700_000_000}, 401),
        ({"exp": None}, 401),
        ({"exp": "soon"}, 401),
        ({"sub": None}, 401),
        ({"kid": "other"}, 401),
        ({"key": b"k" * 64}, 401),
        ({"infobip-api-key": "shop"}, 401),
        ({"infobip-api-key": "nowhere"}, 401),
        ({"infobip-api-key": None}, 401),
        ({"infobip-api-key": "va\0ult"}, 401),
        ({"infobip-api-key": ["vault"]}, 401),
        ({"nbf": 4_000_000_000}, 401),
        ({"sub": "eve"}, 403),
    ],
)
def test_a_token_that_is_not_good_is_refused_and_nothing_recorded(
    world: World, token: Token, changes: dict[str, object], status: int
) -> None:
    device = world.register("vault")
    before = world.position()
    refused = bearer(world, "POST", f"{HOME}/{device}/personalize", LOGIN, token(**changes))
    assert refused.status_code == status
    assert code_of(refused) == ("UNAUTHORIZED" if status == 401 else "FORBIDDEN")
    assert world.position() == before


@pytest.mark.parametrize(
    "text",
    [
        unsigned(CLAIMS, {"alg": "none", "typ": "JWT", "kid": "main"}),
        unsigned(CLAIMS, {"alg": "None", "kid": "main"}),
        unsigned(CLAIMS, {"alg": "HS256", "kid": "main"}),
        unsigned(CLAIMS, {"alg": "HS256", "kid": ["main"]}),
        jwt.encode(CLAIMS, SECRET, "HS256"),
        ".",
        "abc",
        "a.b.c",
        "e30.e30.e30",
        "é.é.é",
        "." * 5_000,
    ],
)
def test_a_token_that_is_not_signed_is_refused(world: World, text: str) -> None:
    device = world.register("vault")
    headers = {b"Authorization": f"Bearer {text}".encode()}
    for method, path in (("POST", "personalize"), ("GET", "user"), ("PATCH", "user")):
        refused = world.http.request(method, f"{HOME}/{device}/{path}", json=LOGIN, headers=headers)
        assert (refused.status_code, code_of(refused)) == (401, "UNAUTHORIZED")
    assert world.topics(device) == ["InstallationRegistered"]


def test_with_tokens_the_application_code_alone_is_not_enough(world: World) -> None:
    device = world.register("vault")
    for method, path in (("POST", "personalize"), ("POST", "repersonalize"), ("GET", "user")):
        refused = world.send(method, f"{HOME}/{device}/{path}", LOGIN, "vault")
        assert (refused.status_code, code_of(refused)) == (401, "UNAUTHORIZED")
    refused = world.send("PATCH", f"{HOME}/{device}/user", {"tags": ["x"]}, "vault")
    assert (refused.status_code, code_of(refused)) == (401, "UNAUTHORIZED")
    assert world.topics(device) == ["InstallationRegistered"]


def test_a_token_speaks_for_its_person_on_that_persons_installation_only(
    world: World, token: Token
) -> None:
    hers, nobodys = world.register("vault"), world.register("vault")
    path = f"{HOME}/{hers}"
    her = {"userIdentity": {"externalUserId": "her"}}
    assert bearer(world, "POST", f"{path}/personalize", her, token("her")).is_success
    for device in (hers, nobodys):
        path = f"{HOME}/{device}/user"
        for method, body in (("GET", None), ("PATCH", {"firstName": "x"})):
            refused = bearer(world, method, path, body, token("him"))
            assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN")
    path = f"{HOME}/{hers}/user"
    for name in ("him", None, "null"):
        refused = bearer(world, "PATCH", path, {"externalUserId": name}, token("her"))
        assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN")
    no_name = {"userIdentity": {"emails": [{"address": "her@x.com"}]}}
    refused = bearer(world, "POST", f"{HOME}/{nobodys}/personalize", no_name, token("her"))
    assert code_of(refused) == "USER_IDENTITY_INVALID"
    assert world.topics(hers) == ["InstallationRegistered", "DevicePersonalized"]


def test_a_token_reaches_no_other_applications_installation(world: World, token: Token) -> None:
    device = world.register("shop")
    refused = bearer(world, "POST", f"{HOME}/{device}/personalize", LOGIN, token())
    assert code_of(refused) == "NO_REGISTRATION"


@pytest.mark.parametrize("claim", ["iat", "nbf", "exp"])
def test_R47_clocks_may_differ_by_half_a_minute(world: World, token: Token, claim: str) -> None:
    sign = -1 if claim == "exp" else 1
    device = world.register("vault")
    path = f"{HOME}/{device}/personalize"
    for seconds, status in ((0.4, 200), (2, 200), (20, 200), (60, 401)):
        moment = time.time() + sign * seconds
        answer = bearer(world, "POST", path, LOGIN, token(**{claim: moment}))
        assert answer.status_code == status, (seconds, answer.text)
        assert status == 200 or f"{claim} is in the " in answer.text


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"aud": "shop-app"}, "aud"),
        ({"aud": ["a", "b"]}, "aud"),
        ({"exp": "soon"}, "exp"),
        ({"exp": None}, "exp is missing"),
        ({"exp": 10**400}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": "1795"}, "iat"),
        ({"nbf": [1]}, "nbf"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"kid": "other"}, "kid"),
        ({"key": b"k" * 64}, "signature"),
    ],
)
def test_R47_a_refusal_names_the_claim(
    world: World, token: Token, claims: dict[str, Any], problem: str
) -> None:
    device = world.register("vault")
    path = f"{HOME}/{device}/personalize"
    refused = bearer(world, "POST", path, LOGIN, token(**claims))
    assert (refused.status_code, code_of(refused)) == (401, "UNAUTHORIZED")
    assert problem in refused.text
    assert bearer(world, "POST", path, LOGIN, token(aud=[])).is_success


def test_R43_a_late_logout_with_a_token_leaves_the_next_person_signed_in(
    world: World, token: Token
) -> None:
    device = world.register("vault")
    path = f"{HOME}/{device}"
    for name in ("early", "next"):
        body = {"userIdentity": {"externalUserId": name}}
        query = "?forceDepersonalize=true"
        assert bearer(world, "POST", f"{path}/personalize{query}", body, token(name)).is_success
    late = bearer(world, "POST", f"{path}/depersonalize", None, token("early"))
    assert (late.status_code, late.content) == (200, b"")
    assert world.found("external_id:next", "vault") == [device]
    assert bearer(world, "POST", f"{path}/depersonalize", None, token("next")).is_success
    assert world.found("external_id:next", "vault") == []


def sign_in(name: str, **contacts: str) -> dict[str, Any]:
    phones = [{"number": contacts["phone"]}] if "phone" in contacts else []
    emails = [{"address": contacts["email"]}] if "email" in contacts else []
    return {"userIdentity": {"externalUserId": name, "emails": emails, "phones": phones}}


def test_R55_a_token_takes_over_nobody_known_by_contacts_alone(
    each_world: World, token: Token
) -> None:
    world = each_world
    hers, his = world.register("vault"), world.register("vault")
    people = Personalization(world.store)
    contacts = Identity(emails=["s1@x.com"], msisdns=["385991234567"])
    people.personalize(hers, contacts, {"iban": "HR12"}, {"rich"})
    path = f"{HOME}/{his}"
    body = sign_in("mallory", email="s1@x.com", phone="+385991234567")
    told = bearer(world, "POST", f"{path}/personalize", body, token("mallory")).json()
    assert told["externalUserId"] == "mallory"
    assert (told["emails"], told["phones"], told["tags"]) == ([], [], [])
    assert "HR12" not in json.dumps(told)
    assert world.found("email:s1@x.com", "vault") == [hers]
    seen = bearer(world, "GET", f"{path}/user?ri=true", None, token("mallory")).json()
    assert [each["pushRegId"] for each in seen["instances"]] == [his]
    # A late answer about whom an address belongs to would be an oracle (S6).
    for address in ("s1@x.com", "nobody-has-this@x.com"):
        changed = bearer(world, "PATCH", f"{path}/user", {"emails": [{"address": address}]},
                         token("mallory"))  # fmt: skip
        assert (changed.status_code, changed.content) == (200, b"")
    assert world.found("email:nobody-has-this@x.com", "vault") == []
    logout = bearer(world, "POST", f"{HOME}/{hers}/depersonalize", None, token("mallory"))
    assert logout.is_success
    assert world.found("email:s1@x.com", "vault") == [hers]


def test_R55_a_verified_claim_vouches_for_a_contact(each_world: World, token: Token) -> None:
    world = each_world
    device = world.register("vault")
    path = f"{HOME}/{device}/personalize"
    body = sign_in("claimed", email="Claimed@x.com", phone="385997654321")
    only_said = token("claimed", email="claimed@x.com", phone_number="+385997654321")
    assert bearer(world, "POST", path, body, only_said).json()["emails"] == []
    vouched = token(
        "claimed", email="claimed@x.com", email_verified=True, phone_number="+385997654321",
        phone_number_verified=True,
    )  # fmt: skip
    told = bearer(world, "POST", path, body, vouched).json()
    assert [each["address"] for each in told["emails"]] == ["claimed@x.com"]
    assert [each["number"] for each in told["phones"]] == ["385997654321"]
    # One that can't be read is left out, and so is nothing else.
    third = world.register("vault")
    partly = token(
        "third", email="no address", email_verified=True, phone_number="+385997654322",
        phone_number_verified=True,
    )  # fmt: skip
    body = sign_in("third", email="third@x.com", phone="385997654322")
    told = bearer(world, "POST", f"{HOME}/{third}/personalize", body, partly).json()
    assert (told["emails"], [each["number"] for each in told["phones"]]) == ([], ["385997654322"])
    # Vouched for or not: what somebody else holds is refused, and nobody is joined.
    other = world.register("vault")
    theirs = token("other", email="claimed@x.com", email_verified=True)
    body = sign_in("other", email="claimed@x.com")
    refused = bearer(world, "POST", f"{HOME}/{other}/personalize", body, theirs)
    assert code_of(refused) == "USER_MERGE_INTERRUPTED"
    assert world.topics(other) == ["InstallationRegistered"]


def test_R56_a_weaker_application_does_not_reach_the_person(
    each_world: World, token: Token
) -> None:
    world = each_world
    vault, shop = world.register("vault"), world.register("shop")
    body = sign_in("ceo")
    path = f"{HOME}/{vault}"
    assert bearer(world, "POST", f"{path}/personalize", body, token("ceo")).is_success
    assert bearer(world, "PATCH", f"{path}/user", {"firstName": "C"}, token("ceo")).is_success
    for route in ("personalize", "repersonalize"):
        refused = world.send("POST", f"{HOME}/{shop}/{route}", body)
        assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN")
    assert world.topics(shop) == ["InstallationRegistered"]
    # A backend may bind them; the device still sees and changes nothing of the person.
    Personalization(world.store).personalize(shop, Identity(external_id="ceo"))
    for method, change in (("GET", None), ("PATCH", {"firstName": "Pwned", "emails": []})):
        refused = world.send(method, f"{HOME}/{shop}/user", change)
        assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN"), refused.text
    assert bearer(world, "GET", f"{path}/user", None, token("ceo")).json()["firstName"] == "C"
