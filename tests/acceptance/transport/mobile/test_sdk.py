"""A mobile SDK's requests over real sockets, each answered as the SDK expects."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.acceptance.transport.conftest import HOME, World, code_of, served_world

DATA = Path(__file__).parents[2] / "data" / "sdk-session.jsonl"


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


def test_the_capture_replays_with_right_answers(tmp_path: Path) -> None:
    # Its persons must be strangers to stricter applications (R56), so it has a store of its own.
    with served_world(f"sqlite:///{tmp_path}/capture.db") as world:
        answers, made = replay(world, "bank")
        found = [
            world.found(each, "bank") for each in ("email:ali@x.com", "email:ali@x.com and primary")
        ]
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
    assert found == [made[:2], made[1:2]]


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
