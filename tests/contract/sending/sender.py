"""A notifier on a store, and devices to send to."""

from __future__ import annotations

from typing import Any

from addressee.adapters.push import RecordingPush
from addressee.application import (
    Accepted,
    Answer,
    DispatchStatus,
    Message,
    Notifier,
    Personalization,
    PushTransport,
    SendingStore,
)
from tests.contract.conftest import Host

HELLO = Message(title="Hello", body="there", data={"n": "1"}, ttl=60, collapse_key="news")


class Killed(BaseException):
    """Stands for a process that is gone at this point."""


class Sender:
    """A notifier on a store, whose clock moves when it sleeps."""

    def __init__(
        self,
        host: Host,
        transport: PushTransport,
        store: SendingStore | None = None,
        people: Personalization | None = None,
        **options: Any,  # noqa: ANN401 # of Notifier
    ) -> None:
        assert isinstance(host.store, SendingStore)
        self.host = host
        self.slept = 0.0
        self.notifier = Notifier(
            store or host.store,
            {"fcm": transport, "apns": transport},
            people=people or host.people,
            clock=host.clock,
            sleep=self.sleep,
            **options,
        )

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.host.clock.move(seconds=seconds)

    def send(self, audience: str = "all", **options: Any) -> DispatchStatus:  # noqa: ANN401 # of dispatch
        made = self.notifier.dispatch("shop", audience, HELLO, **options)
        return self.notifier.run(made.id)


def devices(host: Host, count: int, **facts: str) -> list[str]:
    return [host.device(f"d{n}", push_token=f"t{n}", **facts) for n in range(count)]


def installations(push: RecordingPush) -> list[str]:
    return [sent.recipient.installation for sent in push.sent]


def answering(answers: dict[str, Answer]) -> RecordingPush:
    return RecordingPush(lambda each: answers.get(each.installation, Accepted("ok")))
