"""What each answer of FCM, APNs and Web Push means, over real HTTP/2 (R40, R41)."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from addressee.adapters.memory import MemoryStore
from addressee.adapters.outbound_http.address_guard import is_public
from addressee.adapters.push.apns import ApnsPush, ApnsToken
from addressee.adapters.push.fcm import FcmPush
from addressee.adapters.push.webpush import Vapid, WebPush, decoded, encrypted
from addressee.application import (
    Accepted,
    Answer,
    Dead,
    Message,
    Notifier,
    Personalization,
    Recipient,
    Rejected,
    Retry,
    Targeting,
    Unknown,
)
from addressee.domain import InvalidValue
from tests.servers.push.replies import Reply
from tests.servers.push.services import PushServices, fcm_error, pem, push_services

HELLO = Message(title="Hello", body="Zoë", data={"n": "1"}, ttl=60, collapse_key="news item")
SILENT = Message(data={"n": "1"})
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[PushServices]:
    with push_services(tmp_path_factory.mktemp("push")) as services:
        yield services


@pytest.fixture
def services(running: PushServices) -> PushServices:
    running.replies.clear()
    running.requests.clear()
    return running


@pytest.fixture
def fcm(services: PushServices) -> Generator[FcmPush]:
    push = FcmPush("p1", services.account, url=services.url, verify=services.trusted())
    yield push
    push.close()


@pytest.fixture
def apns(services: PushServices) -> Generator[ApnsPush]:
    token = ApnsToken("TEAM", "KEY", pem(services.apple))
    urls = {"production": services.url, "sandbox": f"{services.url}"}
    push = ApnsPush(token, "com.shop", urls=urls, verify=services.trusted())
    yield push
    push.close()


@pytest.fixture
def webpush(services: PushServices) -> Generator[WebPush]:
    vapid = Vapid(pem(ec.generate_private_key(ec.SECP256R1())), "mailto:push@shop.example")
    push = WebPush(vapid, allow=["localhost"], verify=services.trusted())
    yield push
    push.close()


def to(address: str, service: str = "fcm", **details: str) -> Recipient:
    return Recipient(1, "phone", None, service, address, details, NOW)


def browser(services: PushServices, path: str = "/wp/1", **details: str) -> Recipient:
    keys = {"p256dh": services.browser.p256dh, "auth": services.browser.auth}
    return to(f"{services.url}{path}", "webpush", **{**keys, **details})


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
        (Reply(429, headers={"retry-after": "90"}), Retry("429", 90.0)),
        (Reply(429, headers={"retry-after": "1e9"}), Retry("429", 3600.0)),
        (Reply(429, headers={"retry-after": "nan"}), Retry("429", 60.0)),
        (Reply(200, broken=True), Unknown("the connection broke: RemoteProtocolError")),
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
    services.replies["t7"] = Reply(200, broken=True)
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
        (Reply(413, {"reason": "PayloadTooLarge"}), Rejected("PayloadTooLarge")),
        (Reply(429, {"reason": "TooManyRequests"}), Retry("TooManyRequests", 60.0, hold=False)),
        (
            Reply(429, {"reason": "TooManyProviderTokenUpdates"}),
            Retry("TooManyProviderTokenUpdates", 1200.0),
        ),
        (Reply(503, {"reason": "Shutdown"}), Retry("Shutdown", 10.0)),
        (Reply(200, broken=True), Unknown("the connection broke: RemoteProtocolError")),
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


def test_a_browser_can_read_what_it_gets(services: PushServices, webpush: WebPush) -> None:
    [answer] = webpush.send(HELLO, [browser(services)])
    assert answer == Accepted(f"{services.url}/m/1")
    [sent] = services.sent("/wp/1")
    assert sent.body == {"title": "Hello", "body": "Zoë", "data": {"n": "1"}}
    headers = sent.headers
    assert (headers["ttl"], headers["urgency"]) == ("60", "high")
    assert headers["content-encoding"] == "aes128gcm"
    assert len(headers["topic"]) == 32
    assert headers["authorization"].startswith("vapid t=")
    webpush.send(Message(body="x", collapse_key="news"), [browser(services)])
    assert services.requests[-1].headers["topic"] == "news"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(404), Dead("404")),
        (Reply(410), Dead("410")),
        (Reply(413), Rejected("413")),
        (Reply(403), Rejected("403")),
        (Reply(302, headers={"location": "/elsewhere"}), Rejected("302")),
        (Reply(429), Retry("429", 60.0, hold=False)),
        (Reply(429, headers={"retry-after": "99999999"}), Retry("429", 3600.0, hold=False)),
        (Reply(502), Retry("502", 10.0, hold=False)),
        (Reply(201, broken=True), Unknown("the connection broke: RemoteProtocolError")),
    ],
)
def test_R40_R41_answers_of_web_push(
    services: PushServices, webpush: WebPush, reply: Reply, expected: Answer
) -> None:
    services.replies["/wp/1"] = reply
    assert webpush.send(HELLO, [browser(services)]) == [expected]


def test_retry_after_may_be_a_date(services: PushServices, webpush: WebPush) -> None:
    later = format_datetime(datetime.fromtimestamp(time.time() + 600, UTC), usegmt=True)
    services.replies["/wp/1"] = Reply(429, headers={"retry-after": later})
    [answer] = webpush.send(HELLO, [browser(services)])
    assert isinstance(answer, Retry)
    assert 550 < answer.after <= 600


def test_endpoints_within_the_house_are_never_connected(services: PushServices) -> None:
    vapid = Vapid(pem(services.apple), "mailto:push@shop.example")
    push = WebPush(vapid, verify=services.trusted())
    keys = {"p256dh": services.browser.p256dh, "auth": services.browser.auth}
    endpoints = [
        f"https://localhost:{services.port}/wp/1",
        f"https://127.0.0.1:{services.port}/wp/1",
        f"https://[::ffff:127.0.0.1]:{services.port}/wp/1",
        "https://169.254.169.254/latest",
        f"http://localhost:{services.port}/wp/1",
    ]
    answers = push.send(HELLO, [to(each, "webpush", **keys) for each in endpoints])
    assert answers == [Rejected("the endpoint's host is not allowed")] * 5
    assert services.requests == []
    push.close()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fd00::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
    ],
)
def test_addresses_within_the_house(address: str, *, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize("details", [{"p256dh": "AAAA"}, {"auth": ""}, {"p256dh": "\u00e9"}])
def test_keys_of_a_browser_that_are_malformed_are_rejected(
    services: PushServices, webpush: WebPush, details: Mapping[str, str]
) -> None:
    [answer] = webpush.send(HELLO, [browser(services, **details)])
    assert isinstance(answer, Rejected)
    assert "p256dh" in answer.reason


def test_the_example_of_rfc_8291() -> None:
    private = int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    message = encrypted(
        b"When I grow up, I want to be a watermelon",
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
        private=ec.derive_private_key(private, ec.SECP256R1()),
        salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert message == decoded(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg"
        "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyo"
        "uBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


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
