"""A transport that sends nothing and keeps what it would have sent: for tests and trials."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from addressee.application import Accepted, Answer, Message, Recipient


class Sent(NamedTuple):
    """One message to one recipient."""

    message: Message
    recipient: Recipient


class RecordingPush:
    """Keeps every message in memory, or writes it to a file, and answers as it is told.

    Args:
        answer: gives the answer to each recipient; by default all are accepted.
        path: a file to which one JSON object a message is added, in place of ``sent``.

    Attributes:
        sent: what was sent, in order.
    """

    def __init__(
        self,
        answer: Callable[[Recipient], Answer] | None = None,
        *,
        path: str | Path | None = None,
    ) -> None:
        self.sent: list[Sent] = []
        self._answer = answer
        self._path = path
        self._ids = count(1)
        self._lock = Lock()

    def send(self, message: Message, recipients: Sequence[Recipient]) -> Iterator[Answer]:
        """Keep a message to each recipient, and yield the answers."""
        if self._path is not None:
            lines = "".join(line_of(message, each) for each in recipients)
            with self._lock, Path(self._path).open("a", encoding="utf-8") as file:
                file.write(lines)
        else:
            with self._lock:
                self.sent += [Sent(message, each) for each in recipients]
        for each in recipients:
            yield self._answer(each) if self._answer else Accepted(f"recorded-{next(self._ids)}")


def line_of(message: Message, recipient: Recipient) -> str:
    """Return a message to a recipient as a line of JSON."""
    told = {
        "installation": recipient.installation,
        "person": recipient.person,
        "service": recipient.service,
        "address": recipient.address,
        "title": message.title,
        "body": message.body,
        "data": dict(message.data),
        "ttl": message.ttl,
        "priority": message.priority,
        "collapse_key": message.collapse_key,
    }
    return json.dumps(told) + "\n"
