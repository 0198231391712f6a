"""How a message goes to a push service, and what the service answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from addressee.domain import InvalidValue, LimitExceeded, limits, values

from ..records import Recipient

Priority = Literal["high", "normal"]
TEXT_LIMIT = 4096
"""Longest title, text and value of ``data``, in characters; services take no more in all."""
DATA_LIMIT = 100
TTL_LIMIT = 28 * 24 * 3600
"""Longest time that any service keeps a message, in seconds: 28 days, of FCM."""
COLLAPSE_LIMIT = 64
"""Longest collapse key, in bytes: APNs takes no longer one."""


@dataclass(frozen=True, slots=True)
class Message:
    """A push message; its texts may be personal data, so its ``repr`` shows none.

    Args:
        title: of the notification.
        body: its text. A message without title and body is silent: the app gets ``data`` alone.
        data: name → value for the app.
        ttl: for how many seconds the service keeps it for a device that it can't reach; 0 for
            now or never, None for the service's default.
        priority: ``high`` wakes a device up.
        collapse_key: a later message with the same key takes its place on a device.

    Raises:
        InvalidValue: a value has the wrong type, or there is nothing to send.
        LimitExceeded: a value is too long.
    """

    title: str | None = field(default=None, repr=False)
    body: str | None = field(default=None, repr=False)
    data: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    ttl: int | None = None
    priority: Priority = "high"
    collapse_key: str | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        for name, text in (("title", self.title), ("body", self.body)):
            if text is not None:
                values.text(name, text, TEXT_LIMIT)
        if not isinstance(self.data, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidValue("data", "should be an object")
        if len(self.data) > DATA_LIMIT:
            raise LimitExceeded("data", DATA_LIMIT, len(self.data), unit="names")
        for name, text in self.data.items():
            values.text("data name", name, limits.NAME, least=1)
            values.text(f"data.{name}", text, TEXT_LIMIT)
        if not (self.title or self.body or self.data):
            raise InvalidValue("message", "should have a title, a body or data")
        if self.ttl is not None and not (type(self.ttl) is int and 0 <= self.ttl <= TTL_LIMIT):
            raise InvalidValue("ttl", f"should be 0 to {TTL_LIMIT} seconds")
        values.choice("priority", self.priority, Priority)
        if self.collapse_key is not None:
            size = len(values.text("collapse_key", self.collapse_key, limits.NAME).encode())
            if not 0 < size <= COLLAPSE_LIMIT:
                raise LimitExceeded("collapse_key", COLLAPSE_LIMIT, size, unit="bytes", least=1)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service took the message.

    Args:
        id: the service's own of the message.
    """

    id: str = ""


@dataclass(frozen=True, slots=True)
class Dead:
    """The address reaches nobody any more.

    Args:
        reason: the service's word for it.
        at: since when, if the service says so: an address that was registered later is alive.
    """

    reason: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The service refused the message for good; the address may be right.

    Args:
        reason: the service's word for it.
        misconfigured: whether every message would be refused, until somebody changes credentials,
            project or topic; the dispatch then pauses.
    """

    reason: str
    misconfigured: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """The service took nothing and may take it later.

    Args:
        reason: the service's word for it.
        after: in how many seconds at the earliest.
        hold: whether that counts for all messages of the application to the service.
    """

    reason: str
    after: float = 0.0
    hold: bool = True


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the service took it: the connection broke after it was sent."""

    reason: str


Answer = Accepted | Dead | Rejected | Retry | Unknown


Key = str | tuple[str, str]
"""A service, or an application and a service, which goes before."""


class PushTransport(Protocol):
    """Send messages through one push service, for one application."""

    def send(self, message: Message, recipients: Sequence[Recipient]) -> Iterable[Answer]:
        """Send a message to up to 500 recipients.

        What befalls one of them is its answer, and no exception: those without an answer when one
        is raised count as unknown, and are not sent to again.

        Args:
            message: what to send.
            recipients: whose service is this one.

        Returns:
            One answer a recipient, in their order.
        """
        ...
