"""What backends ask over real sockets: the vendor's calls, and `/v1`."""

from __future__ import annotations

from typing import Any

from addressee.application import Call, Personalization, bulk
from tests.acceptance.transport.backend.asking import problem, v1
from tests.acceptance.transport.conftest import HOME, World, code_of

CONTACT = "/people/2/contactInformation/push"


def contact(world: World, method: str, path: str, body: object = None, **given: str) -> Any:  # noqa: ANN401 # an answer
    usual = {"Authorization": f"App {world.keys['shop', 'backend']}", "AppCode": "shop"}
    headers = {**usual, **given}
    return world.http.request(
        method, f"{CONTACT}/{path}", json=body, headers={k: v for k, v in headers.items() if v}
    )


def test_contact_information_as_backends_in_the_wild_ask(world: World) -> None:
    device = world.register(sdkVersion="2.0", language="en", pushServiceType="GCM")
    body = {
        "identity": {"externalId": "wild", "email": "wild@x.com"},
        "attributes": {"tags": ["P"]},
    }
    done = contact(world, "POST", f"{device}/personalize?returnPush=true", body).json()
    assert (done["externalId"], done["tags"]) == ("wild", ["P"])
    assert done["contactInformation"]["emails"] == [{"address": "wild@x.com"}]
    assert done["contactInformation"]["push"][0]["registrationId"] == device
    assert contact(world, "POST", f"{device}/personalize", {"identity": {"externalId": "wild"}})
    change = {
        "isPrimary": True,
        "systemData": {"registrationEnabled": False},
        "additionalData": {"discountApplied": False},
    }
    changed = contact(world, "PATCH", device, change).json()
    told = contact(world, "GET", device).json()
    assert told == changed
    assert (told["registrationId"], told["isPrimary"]) == (device, True)
    assert told["systemData"]["registrationEnabled"] is False
    assert told["systemData"]["osLanguage"] == "en"
    assert told["additionalData"] == {"discountApplied": False}
    gone = contact(world, "POST", f"{device}/depersonalize")
    assert (gone.status_code, gone.content) == (200, b"")
    assert world.found("external_id:wild") == []


def test_contact_information_refuses_with_the_numbers_that_backends_know(world: World) -> None:
    device, theirs = world.register(), world.register("bank")
    for answer, status, number in (
        (contact(world, "GET", device, AppCode=""), 400, 48001),
        (contact(world, "GET", device, AppCode="nowhere"), 400, 48012),
        (contact(world, "GET", "missing"), 400, 48013),
        (contact(world, "GET", theirs), 400, 48013),
        (contact(world, "POST", f"{theirs}/depersonalize"), 400, 48013),
    ):
        assert (answer.status_code, answer.json()["errorCode"]) == (status, number)
    for answer, status, code in (
        (contact(world, "GET", device, Authorization=""), 401, "UNAUTHORIZED"),
        (contact(world, "GET", device, Authorization="App shop"), 401, "UNAUTHORIZED"),
        (contact(world, "GET", device, Authorization="App x.y.z"), 401, "UNAUTHORIZED"),
        (contact(world, "GET", device, AppCode="bank"), 403, "FORBIDDEN"),
        (contact(world, "POST", f"{device}/personalize"), 400, "USER_IDENTITY_INVALID"),
        (
            contact(world, "POST", f"{device}/personalize", {"identity": {"phoneNumber": 5}}),
            400,
            "PHONE_INVALID",
        ),
    ):
        assert (answer.status_code, code_of(answer)) == (status, code)
    assert world.topics(device) == ["InstallationRegistered"]


def test_r31_a_command_with_a_key_answers_the_first_result(world: World) -> None:
    made = [v1(world, "commands/register", {"os": "ios"}, once="k1").json() for _ in "ab"]
    assert made[0] == made[1]
    device = made[0]["installation"]
    login = {"installation": device, "identity": {"external_id": "v1-ali"}, "set_primary": True}
    done = v1(world, "commands/personalize", login).json()
    assert (done["outcome"], done["installation"]) == ("attached", device)
    reused = v1(world, "commands/personalize", login, once="k1")
    assert problem(reused) == (409, "IDEMPOTENCY_KEY_REUSED")
    other = v1(world, "commands/register", {}, ("bank", "backend"), once="k1")
    assert other.json()["installation"] != device
    meant = {"installation": device, "of": "somebody-else"}
    late = v1(world, "commands/depersonalize", meant).json()
    assert (late["outcome"], late["person"]) == ("superseded", None)
    tagged = v1(world, "commands/tag", {"person": done["person"], "add": ["v1"]}).json()
    assert tagged["outcome"] == "updated"
    events = v1(world, f"installations/{device}/history").json()
    key = world.keys["shop", "backend"].partition(".")[0]
    assert {event["actor"] for event in events} == {f"backend:{key}"}
    assert v1(world, "audiences/count", {"expression": "tag:v1 and primary"}).json() == {"count": 1}


def registered(device: str) -> Call:
    return lambda people: people.register("shop", installation=device, language="xx")


def test_audiences_are_counted_previewed_explained_and_streamed(world: World) -> None:
    devices = [f"xx-{n}" for n in range(1_203)]
    bulk(Personalization(world.store), [registered(device) for device in devices])
    question = {"expression": "language:xx"}
    assert v1(world, "audiences/count", question).json() == {"count": 1_203}
    preview = v1(world, "audiences/preview", {**question, "n": 2}).json()
    assert preview == {"installations": devices[:2]}
    why = v1(world, "audiences/explain", {**question, "installation": devices[0]}).json()
    assert (why["reached"], why["terms"][0]["holds"]) == (True, True)
    for after, expected in ((None, devices), (devices[1_000], devices[1_001:])):
        streamed = v1(world, "audiences/targets", {**question, "after": after})
        assert streamed.headers["content-type"] == "application/x-ndjson"
        assert streamed.text.splitlines() == [
            *(f'{{"installation": "{device}"}}' for device in expected),
            f'{{"end": true, "installations": {len(expected)}}}',
        ]
    plain = {"Authorization": f"App {world.keys['shop', 'backend']}", "Accept": "text/plain"}
    same = world.http.post("/v1/audiences/targets", json=question, headers=plain)
    assert same.headers["content-type"].startswith("text/plain")
    assert len(same.text.splitlines()) == 1_204
    for path in ("count", "targets", "recipients"):
        assert problem(v1(world, f"audiences/{path}", {"expression": "tag:"}))[1] == (
            "EXPRESSION_INVALID"
        )
    assert problem(v1(world, "audiences/targets", {"expression": "attr.x:1"}))[0] == 400
    assert problem(v1(world, "audiences/targets", {**question, "after": "x"}))[0] == 404


def test_r35_audiences_of_the_past_are_asked_the_same_way(world: World) -> None:
    device = world.register(language="xy")
    [registered] = v1(world, f"installations/{device}/history").json()
    later = world.register(language="xy")
    [also] = v1(world, f"installations/{later}/history").json()
    everyone = {"expression": "language:xy"}
    for then in (registered["position"], registered["at"], registered["at"].removesuffix("Z")):
        asked = {**everyone, "as_of": then}
        assert v1(world, "audiences/count", asked).json() == {"count": 1}
        assert v1(world, "audiences/preview", asked).json() == {"installations": [device]}
        streamed = v1(world, "audiences/targets", asked).text.splitlines()
        assert streamed[:-1] == [f'{{"installation": "{device}"}}']
        why = v1(world, "audiences/explain", {**asked, "installation": device}).json()
        assert why["reached"] is True
        why = v1(world, "audiences/explain", {**asked, "installation": later})
        assert problem(why) == (404, "NO_REGISTRATION")
        assert v1(world, "audiences/count", asked, ("bank", "backend")).json() == {"count": 0}
    for now in (None, "2999-01-01T00:00:00Z", also["position"]):
        assert v1(world, "audiences/count", {**everyone, "as_of": now}).json() == {"count": 2}
    odd: tuple[Any, ...] = (-1, 10**9, 2**80, True, "yesterday", 1.5, "1500", "20261126", [], {})
    for wrong in odd:
        refused = v1(world, "audiences/count", {**everyone, "as_of": wrong})
        assert problem(refused) == (400, "REQUEST_FORMAT_INVALID"), wrong
        assert refused.json()["field"] == "as_of"


def test_r36_history_and_who(world: World) -> None:
    device = world.register()
    world.login(device, "r36")
    person = v1(world, f"installations/{device}/who").json()["person"]
    assert v1(world, f"installations/{device}/who?at=2020-01-01").json() == {"person": None}
    assert v1(world, f"persons/{person}/devices").json() == {"installations": [device]}
    events = v1(world, f"persons/{person}/history").json()
    assert [event["event"] for event in events][-1] == "DevicePersonalized"
    assert events[-1]["data"]["installation"] == device
    claims = v1(world, "identifiers/history", {"kind": "external_id", "value": "r36"}).json()
    assert [(claim["event"], claim["data"]["person"]) for claim in claims] == [
        ("IdentifierClaimed", person)
    ]
    assert problem(v1(world, "installations/x/who"))[1] == "NO_REGISTRATION"
    assert problem(v1(world, "persons/x/history"))[1] == "UNKNOWN_PERSON"
    assert problem(v1(world, f"installations/{device}/who?at=noon"))[0] == 400
    for at in ("20261126", "1500", "-5", "20261126T00:00:00+02:00", "2026-11-26T00:00:00+02:00"):
        refused = v1(world, f"installations/{device}/who?at={at}")
        assert (problem(refused)[0], refused.json()["field"]) == (400, "at")
        assert ("%2B" in refused.text) is ("+" in at)
    for at in ("20261126T00:00:00Z", "2026-W48-4", "2026-11-26T00:00:00%2B02:00", "2026-11-26"):
        assert v1(world, f"installations/{device}/who?at={at}").is_success


def test_openapi_describes_every_route(world: World) -> None:
    document = world.http.get("/openapi.json").json()
    operations = [(path, op) for path, ops in document["paths"].items() for op in ops.values()]
    assert len(operations) == 61
    for path, operation in operations:
        assert operation["description"], path
        assert "422" not in operation["responses"]
    schema = document["paths"]["/v1/commands/personalize"]["post"]["requestBody"]["content"]
    fields = schema["application/json"]["schema"]["properties"]
    assert {"installation", "identity", "force_depersonalize"} <= set(fields)
    assert "external_id" in fields["identity"]["properties"]


CART = [{"product": "shoes", "price": 12.5, "gift": True, "on": "2026-01-02"}]


def test_R46_lists_of_objects_over_both_apis(world: World) -> None:
    device = world.register()
    body = {"identity": {"externalId": "cart"}, "attributes": {"customAttributes": {"cart": CART}}}
    done = contact(world, "POST", f"{device}/personalize?returnPush=true", body).json()
    assert done["customAttributes"] == {"cart": CART}
    change = {"additionalData": {"seen": CART}}
    contact(world, "PATCH", device, change)
    assert world.send("GET", f"{HOME}/{device}").json()["customAttributes"] == {"seen": CART}
    command = {"installation": device, "attributes": {"cart": [*CART, *CART]}}
    assert v1(world, "commands/update_person", command).is_success
    told = world.send("GET", f"{HOME}/{device}/user").json()
    assert told["customAttributes"] == {"cart": [*CART, *CART]}
    person = v1(world, f"installations/{device}/who").json()["person"]
    [*_, last] = v1(world, f"persons/{person}/history").json()
    assert last["data"]["attributes"] == {"cart": [*CART, *CART]}
