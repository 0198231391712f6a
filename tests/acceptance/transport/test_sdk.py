"""A mobile SDK's requests over real sockets, each answered as the SDK expects."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from .conftest import HOME, World, code_of

DATA = Path(__file__).parents[1] / "data" / "sdk-session.jsonl"


def replay(world: World, app: str) -> tuple[list[httpx.Response], list[str]]:
    """Send the capture as another application's, its n-th id as the n-th that we answered."""
    made: list[str] = []
    named: dict[str, str] = {}
    answers: list[httpx.Response] = []
    for line in DATA.read_text().splitlines():
        request = json.loads(line)
        headers, path = request["headers"], request["path"]
        ids = [path.split("?")[0].removeprefix(HOME).strip("/").split("/")[0]]
        ids.append(headers.get("pushregistrationid", ""))
        for name in filter(None, ids):
            named.setdefault(name, made[len(named)] if len(named) < len(made) else "")
        for name, ours in named.items():
            path = path.replace(name, ours)
            headers = {key: value.replace(name, ours) for key, value in headers.items()}
        headers["Authorization"] = headers["Authorization"].replace("app-code-1", app)
        answer = world.http.request(
            request["method"], path, content=request["body"] or None, headers=headers
        )
        if path.startswith(f"{HOME}?"):
            made.append(answer.json()["pushRegId"])
        answers.append(answer)
    return answers, made


def test_the_capture_replays_with_right_answers(world: World) -> None:
    answers, made = replay(world, "bank")
    assert [answer.status_code for answer in answers] == [200] * 12
    assert len(set(made)) == 3
    patched, nobody, signed_in, second, told = (answers[n].json() for n in (4, 6, 7, 8, 11))
    assert patched["regEnabled"] is False
    assert patched["customAttributes"] == {"theme": "dark"}
    assert patched["pushRegId"] == made[0]
    assert nobody["type"] == "LEAD"
    assert "externalUserId" not in nobody
    assert signed_in["externalUserId"] == "ali"
    assert signed_in["phones"][0]["number"] == "385991111666"
    assert signed_in["tags"] == ["music", "vip"]
    assert signed_in["customAttributes"] == {"n": 1234.3}
    assert (second["firstName"], second["birthday"]) == ("Ali", "1988-07-31")
    assert told["type"] == "CUSTOMER"
    assert {each["pushRegId"]: each["isPrimary"] for each in told["instances"]} == {
        made[0]: False,
        made[1]: True,
    }
    for n in (3, 5, 9, 10):
        assert answers[n].content == b""
    assert world.found("email:ali@x.com", "bank") == made[:2]
    assert world.found("email:ali@x.com and primary", "bank") == made[1:2]


@pytest.mark.parametrize("way", [{}, {"X_HTTP_Method_Override": "PATCH"}])
def test_patch_travels_both_ways_and_null_removes(world: World, way: dict[str, str]) -> None:
    device = world.register()
    method = "POST" if way else "PATCH"
    path = f"{HOME}/{device}"
    assert world.send(method, path, {"language": "hr", "regEnabled": False}, **way).content == b""
    assert world.send("GET", path).json()["language"] == "hr"
    world.send(method, path, {"language": None}, **way)
    assert "language" not in world.send("GET", path).json()
    world.login(device, f"patch-{device}")
    world.send(method, f"{path}/user", {"firstName": "Ali", "tags": ["t"]}, **way)
    world.send(method, f"{path}/user", {"firstName": None}, **way)
    told = world.send("GET", f"{path}/user").json()
    assert told["tags"] == ["t"]
    assert "firstName" not in told
    assert "instances" not in told


def test_r19_depersonalize_and_r20_what_stays(world: World) -> None:
    device = world.register()
    world.login(device, "leaver")
    assert world.found("external_id:leaver") == [device]
    done = world.send("POST", f"{HOME}/{device}/depersonalize")
    assert (done.status_code, done.content) == (200, b"")
    assert world.found("external_id:leaver") == []
    assert world.send("POST", f"{HOME}/{device}/depersonalize").status_code == 200
    assert world.send("GET", f"{HOME}/{device}").json()["os"] == "Android"


def test_r21_only_the_same_persons_installation_may_be_acted_on(world: World) -> None:
    mine, also_mine, hers = (world.register() for _ in range(3))
    for device, who in ((mine, "r21"), (also_mine, "r21"), (hers, "r21-her")):
        world.login(device, who)
    path = f"{HOME}/{hers}"
    for refused in (
        world.send("POST", f"{path}/depersonalize", pushregistrationid=mine),
        world.send("PATCH", path, {"isPrimary": True}, pushregistrationid=mine),
        world.send("PATCH", path, {"isPrimary": True, "os": "x"}, pushregistrationid=mine),
    ):
        assert (refused.status_code, code_of(refused)) == (403, "FORBIDDEN")
    assert world.topics(hers) == ["InstallationRegistered", "DevicePersonalized"]
    path = f"{HOME}/{also_mine}"
    assert world.send("PATCH", path, {"isPrimary": True}, pushregistrationid=mine).is_success
    assert world.send("POST", f"{path}/depersonalize", pushregistrationid=mine).is_success
    assert world.topics(also_mine)[-1] == "DeviceDepersonalized"


def test_r25_primary_on_an_anonymous_installation_is_ignored(world: World) -> None:
    device = world.register()
    assert world.send("PATCH", f"{HOME}/{device}", {"isPrimary": True}).status_code == 200
    assert world.send("GET", f"{HOME}/{device}").json()["isPrimary"] is False


def test_r9_a_removed_installation_is_no_registration(world: World) -> None:
    old, new = world.register(), world.register()
    removed = world.send("DELETE", f"{HOME}/{old}", pushregistrationid=new)
    assert (removed.status_code, removed.content) == (200, b"")
    for method, path in (
        ("GET", old), ("PATCH", old), ("DELETE", old), ("POST", f"{old}/depersonalize"),
        ("GET", f"{old}/user"), ("PATCH", f"{old}/user"), ("POST", f"{old}/user/events/session"),
        ("GET", "never-there"),
    ):  # fmt: skip
        refused = world.send(method, f"{HOME}/{path}", {} if method == "PATCH" else None)
        assert (refused.status_code, code_of(refused)) == (400, "NO_REGISTRATION"), path
    assert code_of(world.login(old, "ali")) == "NO_REGISTRATION"


def test_r26_a_session_report_is_a_sign_of_life_and_no_event(world: World) -> None:
    device = world.register()
    world.login(device, "session")
    body = {"systemData": {}, "sessionStarts": [1], "sessionBounds": {"1": 2}}
    path = f"{HOME}/{device}/user/events"
    bound = world.last_seen(device)
    assert world.send("POST", f"{path}/session", body).content == b""
    reported = world.last_seen(device)
    assert reported > bound
    events = {"events": [{"definitionId": "paid", "date": "2026-11-23", "properties": {}}]}
    assert world.send("POST", f"{path}/custom?validate=true", events).content == b""
    assert world.last_seen(device) > reported
    assert world.topics(device) == ["InstallationRegistered", "DevicePersonalized"]


def test_a_push_token_is_told_to_its_own_device_only(world: World) -> None:
    device, other = world.register(pushServiceToken="secret-token"), world.register()
    for each in (device, other):
        world.login(each, "token-owner")
    assert world.send("GET", f"{HOME}/{device}").json()["pushServiceToken"] == "secret-token"
    told = world.send("GET", f"{HOME}/{other}/user?ri=true")
    assert device in told.text
    assert "secret-token" not in told.text


def test_fields_and_flags_that_are_not_known_are_passed_over(world: World) -> None:
    device = world.register(geoEnabled=True, somethingNew={"deep": [1]})
    body = {
        "userIdentity": {"externalUserId": "newer", "faxes": [1]},
        "userAttributes": {"starSign": "Leo", "firstName": "N"},
        "newField": None,
    }
    path = f"{HOME}/{device}/personalize?keepAsLead=true&newFlag=1&setDeviceAsPrimary=true"
    told = world.send("POST", path, body).json()
    assert (told["firstName"], told["type"]) == ("N", "LEAD")
    assert world.send("GET", f"{HOME}/{device}").json()["isPrimary"] is True
    assert world.send("POST", f"{HOME}/{device}/repersonalize", body).is_success


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
    statuses = {world.send("GET", f"{HOME}/x", app="slow").status_code for _ in range(20)}
    assert statuses == {400, 429}
    limited = world.send("GET", f"{HOME}/x", app="slow")
    assert (limited.status_code, code_of(limited)) == (429, "TOO_MANY_REQUESTS")


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


CART = [{"product": "shoes", "price": 12.5, "gift": True, "on": "2026-01-02"}, {}]


@pytest.mark.parametrize("way", ["personalize", "repersonalize", "user"])
def test_R46_lists_of_objects_travel_both_ways(world: World, way: str) -> None:
    device = world.register(customAttributes={"screens": CART})
    path = f"{HOME}/{device}"
    told = world.login(device, f"cart-{way}").json()
    if way == "user":
        assert world.send("PATCH", f"{path}/user", {"customAttributes": {"cart": CART}}).is_success
    else:
        body = {
            "userIdentity": {"externalUserId": told["externalUserId"]},
            "userAttributes": {"customAttributes": {"cart": CART}},
        }
        told = world.send("POST", f"{path}/{way}", body).json()
        assert told["customAttributes"] == {"cart": CART}
    told = world.send("GET", f"{path}/user?ri=true").json()
    assert told["customAttributes"] == {"cart": CART}
    world.send("PATCH", path, {"customAttributes": {"seen": CART}})
    [instance] = world.send("GET", f"{path}/user?ri=true").json()["instances"]
    assert instance["customAttributes"]["seen"] == CART
    assert world.send("GET", path).json()["customAttributes"]["seen"] == CART


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
