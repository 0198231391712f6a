"""How facts go to other services, and what a sink answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class FactMessage(NamedTuple):
    """A fact of the ledger as it goes to other services.

    Args:
        position: of its event in the ledger.
        id: unique within the ledger, and the same on every re-send.
        type: what happened, with a version, such as ``addressee.DevicePersonalized.v1``.
        source: the ledger.
        key: messages of one key belong together; see `cloud_events`.
        content: a CloudEvent, JSON in UTF-8; may be personal data.
        reached: every fact up to this position is in the sink once this message is. It is the
            message's own position, except where a dead letter is sent again.
        trace: the span of the command that recorded it, as W3C Trace Context writes it, if it is
            known.
    """

    position: int
    id: str
    type: str
    source: str
    key: str
    content: bytes
    reached: int
    trace: str | None = None

    def __repr__(self) -> str:
        """Show no personal data."""
        return f"FactMessage(position={self.position}, type={self.type!r})"


@dataclass(frozen=True, slots=True)
class SinkUnavailable:
    """The sink takes nothing now; the relay tries again until it does.

    Args:
        reason: why, without personal data.
        after: in how many seconds at the earliest.
    """

    reason: str
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """The sink failed on the first message that is not confirmed, and may take it later.

    The relay tries again after the pauses of its schedule, and then sets the message aside.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """The sink will never take the first message that is not confirmed; it is set aside."""

    reason: str


@dataclass(frozen=True, slots=True)
class SinkClosed:
    """The sink wants no message any more, until an operator resumes it."""

    reason: str


SinkProblem = SinkUnavailable | DeliveryFailed | MessageRefused | SinkClosed


class Published(NamedTuple):
    """How far a sink came with a batch.

    Args:
        confirmed: how many messages, from the first on, the sink has for good.
        problem: why the next one failed; None if none has. Then the others may come in a later
            batch, if at least one was confirmed.
    """

    confirmed: int
    problem: SinkProblem | None = None


class EventSink(Protocol):
    """Publish facts to other services, in order."""

    def resume(self) -> int | None:
        """Return the ``reached`` of the last message that the sink holds, if it can be asked.

        It is called before the first batch and after each that was not confirmed as a whole: what
        was sent then may have arrived. None means that nobody knows; facts are then sent again.
        """
        ...

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        """Publish messages in their order, and return once they are confirmed or not.

        A sink that sends several at once stops at the first failure and publishes none behind it.
        What it raises counts as `SinkUnavailable` with nothing confirmed.

        Args:
            messages: at least one, in the order of ``position``.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
