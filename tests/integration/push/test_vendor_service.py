"""The reference vendor as a push service: registrations only, outcomes by delivery report (R41)."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest

from addressee.adapters.memory import MemoryStore
from addressee.adapters.push.infobip import InfobipPush
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
from tests.servers.push.services import PushServices, push_services
from tests.servers.push.vendor import KEY, PENDING, VendorService

HELLO = Message(title="Hello", body="Zoë", data={"n": "1"}, ttl=60)
SENT = datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Generator[PushServices]:
    with push_services(tmp_path_factory.mktemp("vendor")) as services:
        yield services


@pytest.fixture
def vendor(services: PushServices) -> VendorService:
    services.vendor.clear()
    return services.vendor


@pytest.fixture
def push(services: PushServices, vendor: VendorService) -> Generator[InfobipPush]:
    assert vendor.asked == []
    push = sender(services)
    yield push
    push.close()


def sender(services: PushServices, key: str = KEY) -> InfobipPush:
    return InfobipPush(
        "app-1", key, url=services.url, sleep=lambda _: None, verify=services.trusted()
    )


def to(*names: str) -> list[Recipient]:
    since = SENT - timedelta(days=1)
    return [Recipient(n, name, None, "vendor", name, {}, since) for n, name in enumerate(names)]


def test_the_vendor_gets_the_message_as_documented(
    vendor: VendorService, push: InfobipPush
) -> None:
    answers = push.send(HELLO, to("a", "b"))
    assert all(isinstance(each, Accepted) and each.id for each in answers)
    [asked] = vendor.asked
    assert asked == {
        "messages": [
            {
                "sender": "app-1",
                "destinations": [
                    {"type": "REGISTRATION", "pushRegistrationId": "a"},
                    {"type": "REGISTRATION", "pushRegistrationId": "b"},
                ],
                "content": {"type": "TEXT", "title": "Hello", "text": "Zoë"},
                "options": {
                    "customPayload": {"n": "1"},
                    "validityPeriod": {"amount": 60, "timeUnit": "SECONDS"},
                },
            }
        ]
    }
    push.send(Message(data={"n": "1"}), to("a"))
    [silent] = vendor.asked[1]["messages"]
    assert silent["options"] == {"customPayload": {"n": "1"}, "isSilent": True}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (8001, Dead("8001", SENT)),
        (8004, Dead("8004", SENT)),
        (8002, Rejected("8002", misconfigured=True)),
        (8003, Rejected("8003", misconfigured=True)),
        (8006, Rejected("8006", misconfigured=True)),
        (8007, Rejected("8007", misconfigured=True)),
        (8008, Rejected("8008", misconfigured=True)),
        (8013, Rejected("8013")),
    ],
)
def test_R41_what_reports_mean(
    vendor: VendorService, push: InfobipPush, code: int, expected: Answer
) -> None:
    vendor.errors = {"a": code, "b": 0}
    for names in (["a"], ["a", "b", "c"]):
        answers = push.send(HELLO, to(*names))
        assert answers[0] == expected
        assert all(isinstance(each, Accepted) for each in answers[1:])


def test_a_message_that_is_refused_at_once_costs_the_others_nothing(
    vendor: VendorService, push: InfobipPush
) -> None:
    vendor.statuses = {"b": {**PENDING, "groupId": 5, "name": "REJECTED_DESTINATION"}}
    answers = push.send(HELLO, to("a", "b", "c"))
    assert answers[1] == Rejected("REJECTED_DESTINATION")
    assert isinstance(answers[0], Accepted)
    assert isinstance(answers[2], Accepted)


def test_R40_a_registration_that_the_vendor_cannot_read_costs_the_others_nothing(
    vendor: VendorService, push: InfobipPush
) -> None:
    vendor.invalid = {"r7"}
    names = [f"r{n}" for n in range(20)]
    answers = push.send(HELLO, to(*names))
    assert answers[7] == Rejected("E400")
    assert sum(isinstance(each, Accepted) for each in answers) == 19
    requests = [
        {each["pushRegistrationId"] for each in asked["messages"][0]["destinations"]}
        for asked in vendor.asked
    ]
    taken = [name for names in requests if not vendor.invalid & names for name in names]
    assert len(taken) == len({*taken}) == 19


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(400, {"errorCode": "E400"}), Rejected("E400")),
        (Reply(403, {"errorCode": "E403"}), Rejected("E403", misconfigured=True)),
        (Reply(404), Rejected("404", misconfigured=True)),
        (Reply(429, {"errorCode": "E429"}), Retry("E429", 60.0)),
        (Reply(429, headers={"retry-after": "90"}), Retry("429", 90.0)),
        (Reply(503), Retry("503", 10.0)),
        (Reply(500, {"errorCode": "E500"}), Unknown("E500")),
        (Reply(502), Unknown("502")),
        (Reply(200), Unknown("the vendor did not say whether it took the message")),
        (Reply(200, broken=True), Unknown("the connection broke: InvalidBodyLengthError")),
    ],
)
def test_R40_answers_to_a_request(
    vendor: VendorService, push: InfobipPush, reply: Reply, expected: Answer
) -> None:
    vendor.reply = reply
    assert push.send(HELLO, to("a")) == [expected]


def test_a_wrong_key_stops(services: PushServices, vendor: VendorService) -> None:
    push = sender(services, "wrong")
    assert push.send(HELLO, to("a")) == [Rejected("E401", misconfigured=True)]
    assert vendor.asked == []
    push.close()


def test_patience_is_checked(services: PushServices) -> None:
    with pytest.raises(InvalidValue, match="patience"):
        InfobipPush("app-1", KEY, url=services.url, patience=-1)


@pytest.mark.parametrize(("registered", "left"), [(SENT - timedelta(days=1), 9), (SENT, 10)])
def test_R41_a_registration_is_expired_only_by_a_push_that_was_sent_after_it(
    vendor: VendorService, push: InfobipPush, registered: datetime, left: int
) -> None:
    store = MemoryStore()
    people = Personalization(store, clock=lambda: registered + timedelta(seconds=1))
    for n in range(10):
        people.register("shop", installation=f"d{n}", push_service="Infobip")
    vendor.errors = {"d3": 8001}
    notifier = Notifier(store, {"vendor": push}, people=people)
    done = notifier.run(notifier.dispatch("shop", "all", HELLO).id)
    assert (done.state, done.dead, done.accepted) == ("done", 1, 9)
    assert Targeting(store).count("shop", "all") == left
