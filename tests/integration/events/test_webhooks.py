"""Facts to an endpoint over real TLS: signed, retried, never to an inner address (R42)."""

from __future__ import annotations

import base64
import json
import logging
import random
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from addressee.adapters.events.webhook import WebhookSink
from addressee.adapters.memory import MemoryStore
from addressee.application import Identity, Personalization, Relay, Sinks
from addressee.domain import InvalidValue
from tests.servers.sinks.webhooks import Hook, Receiver, Said, webhook_receiver

OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))
TIMEOUT = 1.0
SLOW = 9
"""The number of the request whose answer takes longer than anybody waits for it."""


@pytest.fixture
def receiver(tmp_path: Path) -> Generator[Receiver]:
    with webhook_receiver(tmp_path) as receiver:
        yield receiver


class Line:
    """A store whose facts go to a receiver."""

    def __init__(self, receiver: Receiver, **options: Any) -> None:  # noqa: ANN401 # of WebhookSink
        self.store = MemoryStore()
        self.people = Personalization(self.store)
        self.sinks = Sinks(self.store)
        options = {"allow": ["localhost"], "verify": receiver.trusted, **options}
        self.sink = WebhookSink(options.pop("url", receiver.url), [NEW, OLD], **options)
        self.relay = Relay(self.store, "hook", self.sink, pauses=(0.001,) * 3)
        self.waits: list[float] = []

    def live(self, devices: int = 10) -> None:
        for n in range(devices):
            self.people.register("shop", installation=f"d{n}")
            self.people.personalize(f"d{n}", Identity(external_id=f"p{n % 3}"))

    def run(self, rounds: int = 1_000) -> None:
        """Relay until nothing is to do; pauses are noted and are over at once."""
        for _ in range(rounds):
            wait = self.relay.catch_up()
            if self.relay._due == 0:
                return
            self.waits.append(wait)
            self.relay._due = 0

    def sequences(self) -> list[str]:
        """Return what every fact of the ledger should be called."""
        with self.store.reading() as view:
            events = view.events(0, 10_000)
        messages = [self.relay._events.message(each, 0) for each in events]
        return [str(each.position) for each in messages if each is not None]


def ids(hooks: list[Hook]) -> list[str]:
    return [json.loads(hook.body)["id"] for hook in hooks]


def test_R42_a_signature_verifies_with_either_secret_while_they_rotate(receiver: Receiver) -> None:
    line = Line(receiver)
    line.live(2)
    line.run()
    assert ids(receiver.hooks) == line.sequences()
    for hook in receiver.hooks:
        for secret in (OLD, NEW):
            event = Webhook(secret).verify(hook.body, hook.headers)
            assert hook.headers["webhook-id"] == f"{event['source']}:{event['id']}"
        with pytest.raises(WebhookVerificationError):
            Webhook(OLD).verify(hook.body + b" ", hook.headers)
    assert receiver.hooks[0].headers["content-type"].startswith("application/cloudevents+json")
    line.sink.close()


def test_R42_a_receiver_that_fails_at_random_gets_all_or_they_are_listed(
    receiver: Receiver,
) -> None:
    chance = random.Random(7)  # noqa: S311 # a test that repeats itself
    taken: list[Hook] = []
    choices = [Said(500), Said(302, {"location": "/elsewhere"}), Said(400), Said(503)]

    def answer(hook: Hook) -> Said:
        said = chance.choice(choices) if chance.random() < 0.3 else Said()
        if len(receiver.hooks) == SLOW:
            said = Said(after=2 * TIMEOUT)
        if said.status == 204:
            taken.append(hook)
        return said

    receiver.answer = answer
    line = Line(receiver, timeout=TIMEOUT)
    line.live(30)
    line.run()
    assert {hook.path for hook in receiver.hooks} == {"/hook"}
    dead = [str(letter.position) for letter in line.sinks.dead_letters("hook")]
    assert sorted({*ids(taken), *dead}, key=int) == line.sequences()
    first = list(dict.fromkeys(ids(taken)))
    assert first == sorted(first, key=int)
    status = line.sinks.status("hook")
    assert (status.behind, status.dead) == (0, len(dead))
    assert status.retried > 10
    again = {hook.headers["webhook-id"] for hook in receiver.hooks}
    assert len(again) == len(line.sequences())
    before = len(receiver.hooks)
    receiver.answer = lambda _: Said()
    line.sinks.resend("hook")
    line.run()
    # On a busy machine a receiver may answer too late, and get a message twice.
    assert list(dict.fromkeys(ids(receiver.hooks[before:]))) == dead
    line.sink.close()


def test_R42_no_log_has_the_path_of_an_endpoint(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    line = Line(receiver, url=f"{receiver.url}/secret-path?key=secret-key")
    line.live(1)
    line.run()
    assert receiver.hooks[0].path.endswith("/secret-path?key=secret-key")
    assert "HTTP Request: POST" in caplog.text, "httpx logs differently now"
    assert "secret-" not in caplog.text
    line.sink.close()


def test_R42_410_closes_the_endpoint_until_it_is_resumed(receiver: Receiver) -> None:
    line = Line(receiver)
    line.live(3)
    receiver.answer = lambda _: Said(410)
    line.run()
    assert len(receiver.hooks) == 1
    status = line.sinks.status("hook")
    assert (status.state, status.problem) == ("closed", "the endpoint answers 410")
    receiver.answer = lambda _: Said()
    line.sinks.resume("hook")
    line.run()
    assert ids(receiver.hooks[1:]) == line.sequences()
    line.sink.close()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_R42_a_throttling_endpoint_is_left_in_peace(receiver: Receiver, status: int) -> None:
    line = Line(receiver)
    line.live(1)
    receiver.answer = lambda _: Said(status, {"retry-after": "17"})
    line.run(rounds=6)
    assert len(receiver.hooks) == 6
    assert all(16 < wait <= 17 for wait in line.waits)
    assert line.sinks.status("hook").dead == 0
    receiver.answer = lambda _: Said()
    line.run()
    assert ids(receiver.hooks[6:]) == line.sequences()
    line.sink.close()


ADDRESSES = (
    *("127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::a9fe:a9fe", "100.64.0.1", "fd00::1", "fe80::1", "10.1.2.3", "224.0.0.1"),
)


def test_R42_a_name_that_leads_to_an_inner_address_is_refused_at_connect(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    for address in ADDRESSES:
        connected: list[object] = []

        def look_up(_: str, port: int, *__: Any, to: str = address, **___: Any) -> Any:  # noqa: ANN401 # as the original
            return [*real(to, port, type=socket.SOCK_STREAM)]

        def connect(target: object, *_: Any, seen: list[object] = connected, **__: Any) -> Any:  # noqa: ANN401 # as the original
            seen.append(target)
            raise OSError("no")

        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", look_up)
            patched.setattr(socket, "create_connection", connect)
            line = Line(receiver, url="https://hooks.example/", allow=[])
            line.live(1)
            line.run()
        status = line.sinks.status("hook")
        assert status.problem == "the endpoint's host is not allowed", address
        assert connected == []
        line.sink.close()
    assert receiver.hooks == []


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://hooks.example/", NEW),
        ("https://", NEW),
        ("https://x:y", NEW),
        ("https://hooks.example/", "whsec_c2hvcnQ="),
        ("https://hooks.example/", base64.b64encode(b"k" * 32).decode()),
        ("https://hooks.example/", "whsec_***"),
    ],
)
def test_R42_what_can_not_be_used_is_refused_and_no_secret_repeated(url: str, secret: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        WebhookSink(url, [secret])
    assert secret not in str(refused.value)
    with pytest.raises(InvalidValue):
        WebhookSink("https://hooks.example/", [])
