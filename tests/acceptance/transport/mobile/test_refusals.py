"""What devices are refused, in the vendor's words."""

from __future__ import annotations

import httpx
import pytest

from tests.acceptance.transport.conftest import HOME, World, code_of


def test_every_code_of_the_wire(world: World) -> None:
    a, b, c = (world.register() for _ in range(3))
    world.login(a, "wire-a")
    world.login(b, "wire-b")
    path = f"{HOME}/{c}/personalize"

    def identity(**fields: object) -> httpx.Response:
        return world.send("POST", path, {"userIdentity": fields})

    world.send("PATCH", f"{HOME}/{b}/user", {"emails": [{"address": "wire@x.com"}]})
    vault = world.register("closed")
    for refused, code in (
        (identity(emails=[{"address": "broken"}]), "EMAIL_INVALID"),
        (identity(phones=[{"number": "_&*70318xxxxx3"}]), "PHONE_INVALID"),
        (identity(), "USER_IDENTITY_INVALID"),
        (identity(externalUserId="null"), "USER_IDENTITY_INVALID"),
        (world.send("POST", path), "USER_IDENTITY_INVALID"),
        (
            world.send("PATCH", f"{HOME}/{a}/user", {"emails": [{"address": "wire@x.com"}]}),
            "USER_MERGE_INTERRUPTED",
        ),
        (world.login(a, "wire-b"), "PERSONALIZATION_IMPOSSIBLE"),
        (
            identity(externalUserId="wire-a", emails=[{"address": "wire@x.com"}]),
            "AMBIGUOUS_PERSONALIZE_CANDIDATES",
        ),
        (world.login(vault, "x", app="closed"), "USER_DATA_RESTRICTED"),
        (world.send("GET", f"{HOME}/{vault}/user", app="closed"), "USER_DATA_RESTRICTED"),
        (world.send("PATCH", f"{HOME}/{a}", {"regEnabled": "yes"}), "REQUEST_FORMAT_INVALID"),
        (world.send("PATCH", f"{HOME}/{a}", {"os": "x" * 51}), "REQUEST_FORMAT_INVALID"),
        (world.login(c, "x", "?forceDepersonalize=maybe"), "REQUEST_FORMAT_INVALID"),
        (world.login("missing", "x"), "NO_REGISTRATION"),
    ):
        assert (refused.status_code, code_of(refused)) == (400, code)
    for answer, code in (
        (world.http.get(f"{HOME}/{a}"), "APP_CODE_MISSING"),
        (world.send("GET", f"{HOME}/{a}", app="unknown"), "1"),
    ):
        assert (answer.status_code, code_of(answer)) == (401, code)
    assert world.topics(c) == ["InstallationRegistered"]
    forced = world.login(a, "wire-b", "?forceDepersonalize=true")
    assert forced.json()["externalUserId"] == "wire-b"


def test_policies_of_an_application_are_kept(world: World) -> None:
    quiet = world.register("quiet")
    assert code_of(world.login(quiet, "x", app="quiet")) == "USER_DATA_RESTRICTED"
    devices = [world.register("pair") for _ in range(3)]
    answers = [world.login(device, "capped", app="pair") for device in devices]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert code_of(answers[2]) == "PERSONALIZATION_IMPOSSIBLE"
    answers = [world.send("GET", f"{HOME}/x", app="slow") for _ in range(20)]
    told = {(answer.status_code, code_of(answer)) for answer in answers}
    assert told == {(400, "NO_REGISTRATION"), (429, "TOO_MANY_REQUESTS")}


def test_another_applications_installation_can_not_be_seen_or_touched(world: World) -> None:
    device = world.register()
    world.login(device, "isolated")
    before = world.position()
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"os": "ios"}),
        ("PATCH", "", {"isPrimary": True}),
        ("DELETE", "", None),
        ("POST", "/personalize?forceDepersonalize=true", {"userIdentity": {"externalUserId": "e"}}),
        ("POST", "/repersonalize", {"userIdentity": {"externalUserId": "e"}}),
        ("POST", "/depersonalize", None),
        ("GET", "/user?ri=true", None),
        ("PATCH", "/user", {"tags": ["x"]}),
        ("POST", "/user/events/session", {}),
    ):
        refused = world.send(method, f"{HOME}/{device}{path}", body, "bank")
        assert code_of(refused) == "NO_REGISTRATION", path
        assert "isolated" not in refused.text
    theirs = world.register("bank")
    remote = world.send(
        "POST", f"{HOME}/{theirs}/depersonalize", app="bank", pushregistrationid=device
    )
    assert code_of(remote) == "NO_REGISTRATION"
    assert world.position() == before + 1
    world.login(theirs, "isolated", app="bank")
    told = world.send("GET", f"{HOME}/{theirs}/user?ri=true", app="bank").json()
    assert [each["pushRegId"] for each in told["instances"]] == [theirs]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"customAttributes": {"first_name": "x"}}, "REQUEST_FORMAT_INVALID"),
        ({"customAttributes": {"birthday": "2026-01-02"}}, "REQUEST_FORMAT_INVALID"),
        ({"customAttributes": {"cart": [[1]]}}, "REQUEST_FORMAT_INVALID"),
        ({"birthday": "1988-W30"}, "REQUEST_FORMAT_INVALID"),
        ({"externalUserId": "[object Object]"}, "USER_IDENTITY_INVALID"),
        ({"phones": [{"number": "22507123456"}]}, "PHONE_INVALID"),
    ],
)
def test_R44_R45_W4_what_a_person_can_t_have_is_refused(
    world: World, body: dict[str, object], code: str
) -> None:
    device = world.register()
    refused = world.send("PATCH", f"{HOME}/{device}/user", body)
    assert (refused.status_code, code_of(refused)) == (400, code)
    assert world.topics(device) == ["InstallationRegistered"]


def test_R57_R7_what_an_installation_can_t_have_is_refused(each_world: World) -> None:
    world = each_world
    device = world.register()
    for body in (
        {"customAttributes": {str(n): n for n in range(80_000)}},
        {"customAttributes": {str(n): n for n in range(257)}},
        {"pushServiceToken": "token\n"},
        {"pushServiceToken": "\u200btoken"},
    ):
        for method, path in (("PATCH", f"{HOME}/{device}"), ("POST", HOME)):
            assert world.send(method, path, body).status_code in {400, 413}
    many = [{"address": f"ü{n}@ü{n % 10}.com"} for n in range(25_000)]
    who = {"externalUserId": "flood", "emails": many}
    tags = {"tags": [f"t{n}" for n in range(1_001)]}
    sign_in = f"{HOME}/{device}/personalize"
    over: tuple[dict[str, object], ...] = (
        {"userIdentity": who},
        {"userIdentity": {"emails": many[:101]}},
        {"userIdentity": {"externalUserId": "flood"}, "userAttributes": tags},
    )
    for sent in over:
        assert world.send("POST", sign_in, sent).status_code == 400
    assert world.topics(device) == ["InstallationRegistered"]
