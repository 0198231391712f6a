"""What each answer of FCM, APNs and Web Push means, over real HTTP/2 (R40, R41)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.adapters.push.apns import ApnsPush, ApnsToken
from addressee.adapters.push.fcm import FcmPush
from addressee.application import (
    Accepted,
    Answer,
    Dead,
    Message,
    Notifier,
    Personalization,
    Rejected,
    Retry,
    Targeting,
    Unknown,
)
from addressee.domain import InvalidValue
from tests.integration.push.conftest import HELLO, SILENT, to
from tests.servers.push.replies import Reply
from tests.servers.push.services import PushServices, fcm_error, pem


def test_fcm_gets_the_message_as_documented(services: PushServices, fcm: FcmPush) -> None:
    answers = fcm.send(HELLO, [to("token-1"), to("fid-1", kind="fid")])
    path = "/v1/projects/p1/messages:send"
    assert answers == [Accepted(f"{path}/token-1"), Accepted(f"{path}/fid-1")]
    sent = {each.body.get("token"): each for each in services.sent(path)}
    first = sent["token-1"]
    assert first.http_version == "2"
    assert first.body["notification"] == {"title": "Hello", "body": "Zoë"}
    assert first.body["data"] == {"n": "1"}
    assert first.body["android"] == {
        "priority": "HIGH",
        "ttl": "60s",
        "collapse_key": "news item",
    }
    assert first.body["apns"]["headers"]["apns-priority"] == "10"
    assert first.body["webpush"]["headers"] == {"Urgency": "high", "TTL": "60"}
    assert sent[None].body["fid"] == "fid-1"
    tokens = services.tokens
    fcm.send(SILENT, [to("token-1")])
    assert services.tokens == tokens, "an access token was fetched that was not needed"
    assert "notification" not in services.requests[-1].body
    assert services.requests[-1].body["apns"]["headers"]["apns-priority"] == "5"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (fcm_error(404, "NOT_FOUND", "UNREGISTERED"), Dead("UNREGISTERED")),
        (fcm_error(404, "NOT_FOUND", None), Rejected("404", misconfigured=True)),
        (
            fcm_error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
            Rejected("SENDER_ID_MISMATCH", misconfigured=True),
        ),
        (
            fcm_error(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
            Rejected("THIRD_PARTY_AUTH_ERROR", misconfigured=True),
        ),
        (fcm_error(400, "INVALID_ARGUMENT", None), Rejected("400")),
        (fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), Rejected("INVALID_ARGUMENT")),
        (fcm_error(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), Retry("QUOTA_EXCEEDED", 60.0)),
        (fcm_error(503, "UNAVAILABLE", "UNAVAILABLE"), Retry("UNAVAILABLE", 10.0)),
        (fcm_error(500, "INTERNAL", "INTERNAL"), Retry("INTERNAL", 10.0)),
        (Reply(503, headers={"retry-after": "3"}), Retry("503", 10.0)),
        (Reply(429, headers={"retry-after": "90"}), Retry("429", 90.0)),
        (Reply(429, headers={"retry-after": "1e9"}), Retry("429", 3600.0)),
        (Reply(429, headers={"retry-after": "nan"}), Retry("429", 60.0)),
        (Reply(200, broken=True), Unknown("the connection broke: InvalidBodyLengthError")),
    ],
)
def test_R40_R41_answers_of_fcm(
    services: PushServices, fcm: FcmPush, reply: Reply, expected: Answer
) -> None:
    services.replies["t"] = reply
    assert fcm.send(HELLO, [to("t")]) == [expected]


def test_R41_an_invalid_argument_is_a_dead_address_where_others_took_the_message(
    services: PushServices, fcm: FcmPush
) -> None:
    services.replies["t"] = fcm_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
    assert fcm.send(HELLO, [to("t"), to("u")])[0] == Dead("INVALID_ARGUMENT")


def test_R40_one_broken_answer_leaves_the_others_their_own(
    services: PushServices, fcm: FcmPush
) -> None:
    services.replies["t7"] = Reply(200, broken=True, after=40)
    answers = fcm.send(HELLO, [to(f"t{n}") for n in range(40)])
    assert isinstance(answers[7], Unknown)
    assert len(services.sent("/v1/")) == 40
    others = [each for n, each in enumerate(answers) if n != 7]
    assert all(isinstance(each, Accepted | Unknown) for each in others)


def test_fcm_without_credentials_stops(services: PushServices) -> None:
    with pytest.raises(InvalidValue, match="private_key"):
        FcmPush("p1", {"client_email": "x"}, url=services.url)
    wrong = {**services.account, "token_uri": f"{services.url}/v1/projects/none"}
    push = FcmPush("p1", wrong, url=services.url, verify=services.trusted())
    [answer] = push.send(HELLO, [to("t")])
    assert isinstance(answer, Rejected)
    assert answer.misconfigured
    push.close()


def test_R40_a_service_that_cannot_be_reached_got_nothing() -> None:
    push = FcmPush("p1", lambda: "token", url="https://localhost:1")
    [answer] = push.send(HELLO, [to("t")])
    assert answer == Retry("no connection: ConnectError")
    push.close()


def test_R40_what_a_device_says_of_itself_takes_nobody_elses_push_with_it(
    services: PushServices, apns: ApnsPush
) -> None:
    odd = [to("b2", "apns", topic=topic) for topic in ("com.\N{SNOWMAN}", "", "com.shop\r\nx: y")]
    answers = apns.send(HELLO, [to("a1", "apns"), *odd, to("../4?x", "apns")])
    assert answers == [Accepted("apns-1"), *[Rejected("BadTopic")] * 3, Accepted("apns-1")]
    paths = {each.path for each in services.requests}  # as the server decodes them
    assert paths == {"/3/device/a1", "/3/device/../4?x"}


def test_apns_gets_the_message_as_documented(services: PushServices, apns: ApnsPush) -> None:
    other = to("b2", "apns", environment="sandbox", topic="com.other")
    assert apns.send(HELLO, [to("a1", "apns"), other]) == [Accepted("apns-1")] * 2
    sent = {each.path: each for each in services.sent("/3/device/")}
    first = sent["/3/device/a1"]
    assert first.http_version == "2"
    assert first.body == {"n": "1", "aps": {"alert": {"title": "Hello", "body": "Zoë"}}}
    headers = first.headers
    assert headers["apns-topic"] == "com.shop"
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("alert", "10")
    assert abs(int(headers["apns-expiration"]) - time.time() - 60) < 30
    assert headers["apns-collapse-id"] == "news item"
    assert sent["/3/device/b2"].headers["apns-topic"] == "com.other"
    apns.send(SILENT, [to("a1", "apns")])
    headers = services.requests[-1].headers
    assert (headers["apns-push-type"], headers["apns-priority"]) == ("background", "5")
    assert services.requests[-1].body == {"n": "1", "aps": {"content-available": 1}}


DIED = datetime(2026, 11, 25, 11, 59, 59, 500_000, UTC)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            Reply(410, {"reason": "Unregistered", "timestamp": int(DIED.timestamp() * 1000)}),
            Dead("Unregistered", DIED),
        ),
        (Reply(410, {"reason": "ExpiredToken"}), Dead("ExpiredToken")),
        (Reply(400, {"reason": "BadDeviceToken"}), Rejected("BadDeviceToken")),
        (Reply(400, {"reason": "DeviceTokenNotForTopic"}), Rejected("DeviceTokenNotForTopic")),
        (Reply(400, {"reason": "BadTopic"}), Rejected("BadTopic", misconfigured=True)),
        (
            Reply(403, {"reason": "InvalidProviderToken"}),
            Rejected("InvalidProviderToken", misconfigured=True),
        ),
        (Reply(403, {"reason": "ExpiredProviderToken"}), Retry("ExpiredProviderToken", 10.0)),
        (Reply(404, {"reason": "BadPath"}), Rejected("BadPath", misconfigured=True)),
        (Reply(405), Rejected("405", misconfigured=True)),
        (Reply(413, {"reason": "PayloadTooLarge"}), Rejected("PayloadTooLarge")),
        (Reply(429, {"reason": "TooManyRequests"}), Retry("TooManyRequests", 60.0, hold=False)),
        (
            Reply(429, {"reason": "TooManyProviderTokenUpdates"}),
            Retry("TooManyProviderTokenUpdates", 1200.0),
        ),
        (Reply(500, {"reason": "InternalServerError"}), Retry("InternalServerError", 10.0)),
        (Reply(503, {"reason": "Shutdown"}), Retry("Shutdown", 10.0)),
        (Reply(503, headers={"retry-after": "90"}), Retry("503", 90.0)),
        (Reply(200, broken=True), Unknown("the connection broke: InvalidBodyLengthError")),
    ],
)
def test_R40_R41_answers_of_apns(
    services: PushServices, apns: ApnsPush, reply: Reply, expected: Answer
) -> None:
    services.replies["a1"] = reply
    assert apns.send(HELLO, [to("a1", "apns")]) == [expected]


def test_apns_tokens_are_renewed_neither_too_often_nor_too_seldom(services: PushServices) -> None:
    now = [1_000_000.0]
    token = ApnsToken("TEAM", "KEY", pem(services.apple), clock=lambda: now[0])
    first = token()
    now[0] += 49 * 60
    assert token() == first
    now[0] += 2 * 60
    assert token() != first


def test_apns_refuses_what_is_too_large_or_has_no_topic(services: PushServices) -> None:
    token = ApnsToken("TEAM", "KEY", pem(services.apple))
    push = ApnsPush(token, verify=services.trusted())
    [large] = push.send(Message(body="x" * 4096), [to("a1", "apns", topic="com.shop")])
    assert isinstance(large, Rejected)
    assert large.reason.startswith("PayloadTooLarge")
    assert push.send(HELLO, [to("a1", "apns")]) == [Rejected("MissingTopic", misconfigured=True)]
    push.close()


def test_R41_a_dead_token_of_apns_expires_only_what_was_registered_before(
    services: PushServices, apns: ApnsPush
) -> None:
    store = MemoryStore()
    people = Personalization(store)
    for n in range(20):
        people.register("shop", installation=f"d{n}", os="iOS", push_token=f"a{n}")
    moment = int(time.time() * 1000)
    services.replies["a0"] = Reply(410, {"reason": "Unregistered", "timestamp": moment + 60_000})
    services.replies["a1"] = Reply(410, {"reason": "Unregistered", "timestamp": moment - 60_000})
    notifier = Notifier(store, {"apns": apns}, people=people)
    done = notifier.run(notifier.dispatch("shop", "all", HELLO).id)
    assert (done.state, done.accepted, done.dead) == ("done", 18, 2)
    live: Any = list(Targeting(store).targets("shop", "all"))
    assert live == [f"d{n}" for n in range(1, 20)]
