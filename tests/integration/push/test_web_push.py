"""Messages that browsers get, over real TLS (R40, R41)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from addressee.adapters.outbound_http.address_guard import is_public
from addressee.adapters.push.webpush import Vapid, WebPush, decoded, encrypted
from addressee.application import (
    Accepted,
    Answer,
    Dead,
    Message,
    Rejected,
    Retry,
    Unknown,
)
from tests.integration.push.conftest import HELLO, browser, to
from tests.servers.push.replies import Reply
from tests.servers.push.services import Browser, PushServices, pem


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
        (Reply(201, broken=True), Unknown("the connection broke: InvalidBodyLengthError")),
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


def test_a_signature_is_for_the_origin_of_one_endpoint() -> None:
    """RFC 8292: `aud` is the origin, `exp` at most a day away, `k` the key that verifies it."""
    vapid = Vapid(pem(ec.generate_private_key(ec.SECP256R1())), "mailto:push@shop.example")
    origins = ["https://push.example", "https://updates.example:8443"]
    for origin in origins:
        shown = vapid.authorization(f"{origin}/send/abc?x=1")
        assert vapid.authorization(f"{origin}/send/other") == shown
        token, key = shown.removeprefix("vapid t=").split(", k=")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(key))
        claims = jwt.decode(token, public, algorithms=["ES256"], audience=origin)
        assert claims["sub"] == "mailto:push@shop.example"
        assert 0 < claims["exp"] - time.time() <= 24 * 3600
        with pytest.raises(jwt.InvalidAudienceError):
            jwt.decode(token, public, algorithms=["ES256"], audience="https://other.example")


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
    "endpoint",
    [
        "abc",
        "https://[::1",
        "https://push.test:x/1",
        "https://[v1.x]/1",
        "https://xn--/1",
        "https://\N{ACCOUNT OF}.test/1",
    ],
)
def test_R40_an_endpoint_that_is_no_url_takes_nobody_elses_push_with_it(
    services: PushServices, webpush: WebPush, endpoint: str
) -> None:
    keys = {"p256dh": services.browser.p256dh, "auth": services.browser.auth}
    odd = to(endpoint, "webpush", **keys)
    answers = webpush.send(HELLO, [browser(services), odd, browser(services, "/wp/2")])
    assert answers[1] == Rejected("the endpoint is no URL")
    assert [type(each) for each in answers] == [Accepted, Rejected, Accepted]


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
    private, reader = (
        ec.derive_private_key(int.from_bytes(decoded(text), "big"), ec.SECP256R1())
        for text in (
            "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
            "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
        )
    )
    plain, written = (
        b"When I grow up, I want to be a watermelon",
        decoded(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg"
            "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyo"
            "uBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        ),
    )
    message = encrypted(
        plain,
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
        private=private,
        salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert message == written
    # The browser of these tests, which says what others could read, reads the example too.
    assert Browser(reader, decoded("BTBZMqHH6r4Tts7J_aSIgg")).read(written) == plain
