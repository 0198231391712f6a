"""What a store keeps of its sinks: how far each is, and what it did not take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, runtime_checkable

from ..store import Store


class DeadLetter(NamedTuple):
    """A fact that a sink did not take.

    Args:
        position: of its event in the ledger.
        reason: why, in the sink's words; never what the event says.
        at: when it was set aside, in UTC.
        resend: whether the relay is to send it again.
    """

    position: int
    reason: str
    at: datetime
    resend: bool = False


class Turn(NamedTuple):
    """One relay's turn with a sink.

    Args:
        position: the last event that the sink has.
        resend_to: up to here facts are sent again, even if the sink has them; 0 without a rewind.
    """

    position: int
    resend_to: int


@dataclass(frozen=True, slots=True)
class SinkState:
    """What is recorded of a sink.

    Args:
        position: the last event of the ledger that it has.
        sent: how many messages it has confirmed.
        retried: how often a batch or message was tried again.
        dead: how many dead letters there are.
        holder: the relay that works on it, if one does.
        until: when that one's lease ends unless it is renewed.
        paused: whether it waits to be resumed.
        problem: why it was closed, if it was.
    """

    position: int
    sent: int
    retried: int
    dead: int
    holder: str | None
    until: datetime
    paused: bool
    problem: str | None


class SinkProgress(Protocol):
    """Keep how far one sink is, for relays that take turns by a lease."""

    def take(self) -> Turn | None:
        """Begin or renew this relay's turn; None if it is another's, or paused, or closed."""
        ...

    def advance(
        self,
        before: int,
        after: int,
        *,
        sent: int = 0,
        retried: int = 0,
        dead: Sequence[DeadLetter] = (),
    ) -> None:
        """Note what the sink has confirmed, and what was set aside.

        Args:
            before: how far the sink was.
            after: how far it is.
            sent: messages that were confirmed.
            retried: batches or messages that were tried again.
            dead: what was set aside.

        Raises:
            Conflict: the sink is not at ``before`` any more, or another relay works on it.
        """
        ...

    def release(self) -> None:
        """Let other relays work on it at once."""
        ...

    def fail(self, position: int, reason: str) -> None:
        """Stop all relays of the sink until it is resumed."""
        ...

    def pause(self) -> None:
        """Stop all relays of the sink until it is resumed; a batch under way ends first."""
        ...

    def resume(self) -> None:
        """Let relays go on where they were paused or the sink was closed."""
        ...

    def move(self, position: int) -> None:
        """Go on behind another position; facts that the sink had before are sent again."""
        ...

    def dead_letters(self, after: int, limit: int, *, resend: bool = False) -> Sequence[DeadLetter]:
        """Return up to ``limit`` dead letters behind a position; only those to send again, or all.

        They come in the order of the ledger.
        """
        ...

    def request_resend(self, positions: Sequence[int] | None) -> int:
        """Mark dead letters to be sent again, all by default; return how many were marked."""
        ...

    def settle(self, position: int, reason: str | None, *, retried: int = 0) -> None:
        """Note that a dead letter was sent again: with success, or with another reason."""
        ...

    def state(self) -> SinkState | None:
        """Return what is recorded; None if no relay has ever worked on the sink."""
        ...


@runtime_checkable
class RelayStore(Store, Protocol):
    """Provide a store whose facts are relayed to other services."""

    def sink(self, name: str, lease: float) -> SinkProgress:
        """Return the progress of a sink, for one relay.

        Args:
            name: the sink's.
            lease: seconds after which another relay takes over from one that says nothing.
        """
        ...

    def sinks(self) -> Sequence[str]:
        """Return the names of all sinks that relays have worked on, sorted."""
        ...
