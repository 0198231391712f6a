"""A backend of the reference product sends pushes here by changing its base URL alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from addressee.adapters.push import RecordingPush
from addressee.application import Notifier
from addressee.application.default_clock_and_ids import utc_now
from tests.acceptance.transport.conftest import World

PATH = "/push/3/messages"
TEXT = {"type": "TEXT", "title": "Some title", "text": "Some text"}
PENDING = {
    "groupId": 1,
    "groupName": "PENDING",
    "id": 7,
    "name": "PENDING_ENROUTE",
    "description": "Message sent to next instance",
}


@pytest.fixture
def someone(world: World) -> dict[str, str]:
    """Return a person with a tablet and a phone, which is primary, and a stranger's device."""
    name = f"push-{uuid4().hex}"
    phone = f"38591{uuid4().int % 10**7:07}"
    found = {"name": name, "email": f"{name}@example.com", "phone": phone}
    for device in ("tablet", "mobile", "other"):
        token = f"{device}-{name}"
        found[device] = world.register(pushServiceType="Firebase", pushServiceToken=token)
    assert world.login(found["tablet"], name).is_success
    assert world.login(found["mobile"], name, "?setDeviceAsPrimary=true").is_success
    contacts = {"emails": [{"address": found["email"]}], "phones": [{"number": found["phone"]}]}
    path = f"/mobile/1/appinstance/{found['tablet']}/user"
    assert world.send("PATCH", path, contacts).is_success
    return found


def send(world: World, *messages: dict[str, Any], key: str | None = None) -> httpx.Response:
    shown = world.keys["shop", "backend"] if key is None else key
    return world.send("POST", PATH, {"messages": messages}, Authorization=f"App {shown}")


def to(*destinations: dict[str, Any], **options: Any) -> dict[str, Any]:  # noqa: ANN401 # JSON
    return {"sender": "shop", "destinations": destinations, "content": TEXT, **options}


def received(world: World, response: httpx.Response) -> list[tuple[str, Any]]:
    """Send what was accepted, and return installation and message of each push."""
    push = RecordingPush()
    notifier = Notifier(world.store, {("shop", "fcm"): push})
    names = {each["messageId"].rpartition("-")[0] for each in response.json()["messages"]}
    for each in reversed(notifier.dispatches("shop")):
        if each.id in names:
            notifier.run(each.id)
    return [(sent.recipient.installation, sent.message) for sent in push.sent]


def test_each_type_of_destination(world: World, someone: dict[str, str]) -> None:
    both, primary = {someone["tablet"], someone["mobile"]}, {someone["mobile"]}
    cases: list[tuple[str, str, str, set[str], set[str]]] = [
        ("EXTERNAL_USER_ID", "externalUserId", someone["name"], both, primary),
        ("EMAIL", "email", someone["email"].upper(), both, primary),
        ("PHONE_NUMBER", "phoneNumber", f"+{someone['phone']}", both, primary),
        ("REGISTRATION", "pushRegistrationId", someone["other"], {someone["other"]}, set()),
    ]
    for kind, field, value, everywhere, only_primary in cases:
        destination = {"type": kind, field: value}
        answered = send(world, to(destination))
        assert answered.status_code == 200, answered.text
        [message] = answered.json()["messages"]
        told = {"messageId": message["messageId"], "status": PENDING, "destination": value}
        assert message == told
        assert answered.json()["bulkId"]
        assert {name for name, _ in received(world, answered)} == everywhere
        answered = send(world, to({**destination, "targetOnlyPrimaryDevices": True}))
        assert {name for name, _ in received(world, answered)} == only_primary


def test_a_message_is_scheduled(world: World, someone: dict[str, str]) -> None:
    nobody = {"type": "EXTERNAL_USER_ID", "externalUserId": f"nobody-{uuid4().hex}"}
    person = {"type": "EXTERNAL_USER_ID", "externalUserId": someone["name"]}
    at = utc_now() + timedelta(days=1)
    for given, states in ((at, {"PENDING"}), (utc_now(), {"PENDING", "REJECTED"})):
        send_at = given.isoformat(timespec="milliseconds")
        answered = send(world, to(person, nobody, options={"sendAt": send_at}))
        assert {each["status"]["groupName"] for each in answered.json()["messages"]} == states
    [made] = Notifier(world.store, {}).scheduled("shop")
    assert made.starts_at == datetime.fromisoformat(at.isoformat(timespec="milliseconds"))
    Notifier(world.store, {}).cancel(made.id)


def test_several_messages_and_destinations(world: World, someone: dict[str, str]) -> None:
    person = {"type": "EXTERNAL_USER_ID", "externalUserId": someone["name"], "messageId": "mine"}
    same = {"type": "EMAIL", "email": someone["email"]}
    nobody = {"type": "EXTERNAL_USER_ID", "externalUserId": f"nobody-{uuid4().hex}"}
    other = {"type": "REGISTRATION", "pushRegistrationId": someone["other"]}
    options = {
        "isSilent": True,
        "customPayload": {"screen": "sale", "n": 1},
        "validityPeriod": {"amount": 2, "timeUnit": "MINUTES"},
        "soundEnabled": True,
    }
    answered = send(world, to(person, nobody, same), to(other, options=options))
    assert answered.status_code == 200, answered.text
    told = answered.json()["messages"]
    assert [each["status"]["groupName"] for each in told] == [
        "PENDING",
        "REJECTED",
        "PENDING",
        "PENDING",
    ]
    assert told[0]["messageId"] == "mine"
    assert len({each["messageId"] for each in told}) == 4
    got = received(world, answered)
    devices = sorted(name for name, _ in got)
    assert devices == sorted([someone["tablet"], someone["mobile"], someone["other"]])
    messages = dict(got)
    shown, silent = messages[someone["tablet"]], messages[someone["other"]]
    assert (shown.title, shown.body, shown.data) == ("Some title", "Some text", {})
    assert (silent.title, silent.body, silent.ttl) == (None, None, 120)
    assert silent.data["screen"] == "sale"
    assert silent.data["n"] == "1"
    assert silent.data["text"] == "Some text"


def test_unknown_and_foreign_destinations_are_rejected_alike(world: World) -> None:
    """Nobody learns who is known to another application."""
    foreign = world.register("bank")
    name = f"bank-{uuid4().hex}"
    assert world.login(foreign, name, app="bank").is_success
    answers = [
        send(world, to({"type": kind, field: value})).json()["messages"][0]["status"]
        for kind, field, value in (
            ("REGISTRATION", "pushRegistrationId", foreign),
            ("REGISTRATION", "pushRegistrationId", uuid4().hex),
            ("EXTERNAL_USER_ID", "externalUserId", name),
            ("EXTERNAL_USER_ID", "externalUserId", uuid4().hex),
        )
    ]
    assert answers == [answers[0]] * 4
    assert (answers[0]["groupId"], answers[0]["groupName"]) == (5, "REJECTED")


PERSON = {"type": "EXTERNAL_USER_ID", "externalUserId": "ali"}


def test_keys_and_senders_are_checked(world: World) -> None:
    wrong = send(world, to(PERSON), key="wrong")
    assert (wrong.status_code, wrong.json()["errorCode"]) == (401, "E401")
    assert send(world, to(PERSON), key="shop").status_code == 401, "a device sent a push"
    foreign = send(world, to(PERSON), key=world.keys["bank", "backend"])
    assert (foreign.status_code, foreign.json()["errorCode"]) == (403, "E403")
    unknown = send(world, {**to(PERSON), "sender": "none"})
    assert unknown.status_code == 400
    assert unknown.json() == {"errorCode": 48012, "errorMessage": "Push application not found"}
    missing = send(world, {**to(PERSON), "sender": ""})
    assert missing.status_code == 400
    assert missing.json() == {"errorCode": 48001, "errorMessage": "Application code missing"}


@pytest.mark.parametrize(
    ("message", "property_"),
    [
        (to(), "messages.1.destinations"),
        (to({"type": "MULTIPLE", "$or": [{"DeviceType": "personal"}]}), "destinations.0.type"),
        (to({"type": "EMAIL", "email": "nobody"}), "destinations.0.email"),
        (to({"type": "PHONE_NUMBER", "phoneNumber": "12"}), "destinations.0.phoneNumber"),
        (to({"type": "EXTERNAL_USER_ID", "externalUserId": "null"}), "0.externalUserId"),
        (to({"type": "REGISTRATION"}), "destinations.0.pushRegistrationId"),
        (to(PERSON, content={"type": "IMAGE", "text": "x", "url": "https://x"}), "content.type"),
        (to(PERSON, content={"type": "TEXT"}), "content.text"),
        (to(PERSON, options={"sendAt": "2100-01-01T00:00:00.000+0000"}), "options.sendAt"),
        (to(PERSON, options={"sendAt": "2026-11-27T09:00:00"}), "options.sendAt"),
        (to(PERSON, options={"deliveryTimeWindow": {"days": []}}), "options.deliveryTimeWindow"),
        (to(PERSON, options={"validityPeriod": {"amount": -1}}), "validityPeriod.amount"),
        (to(*[PERSON] * 1_001), "messages"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_sent(
    world: World, message: dict[str, Any], property_: str
) -> None:
    before = len(Notifier(world.store, {}).dispatches("shop", 10_000))
    answered = send(world, to(PERSON), message)
    assert answered.status_code == 400, answered.text
    told = answered.json()
    assert told["errorCode"] == "E400"
    [violation] = told["violations"]
    assert violation["property"].endswith(property_)
    assert "nobody" not in answered.text
    assert len(Notifier(world.store, {}).dispatches("shop", 10_000)) == before
