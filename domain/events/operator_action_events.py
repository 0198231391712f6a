"""Events of what operators and backends do to an application or a store (R60); no personal data.

Secrets, texts and audiences of pushes stay out: what the ledger has once, it has for good.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from ..values import FrozenDict
from .base import FROZEN, Event, stream_of


class Action(Event):
    """Something that was done to an application, or to the store as a whole."""

    HOME = "actions"

    @property
    def concerns(self) -> str | None:
        """The application that it was done to; None for the store as a whole."""
        found: str | None = getattr(self, "application", None)
        return found

    @property
    def stream(self) -> str:
        """The stream that it belongs to."""
        return actions_of(self.concerns)

    def following(self, newest: Event | None) -> Self:
        """Return the action as the next event of its stream, whose newest one this is."""
        version = 1 if newest is None else newest.originator_version + 1
        own = self.timestamp.astimezone(UTC)
        at = own if newest is None else max(own, newest.timestamp)
        place = {"originator_id": self.stream, "originator_version": version, "timestamp": at}
        return self.model_copy(update=place)


class ApplicationAction(Action):
    """Something that was done to one application.

    Args:
        application: its code.
    """

    application: str


def actions_of(application: str | None) -> str:
    """Return the stream of what was done to an application; None for the store as a whole."""
    return stream_of("actions", application or "")


class PolicyChanged(ApplicationAction):
    """An application was added, or its settings were changed.

    Args:
        settings: the changed ones as they are now; of keys for tokens their ids.
    """

    TOPIC = "addressee.PolicyChanged"

    settings: Annotated[dict[str, Any], FROZEN] = FrozenDict()


class KeyIssued(ApplicationAction):
    """An API key was made.

    Args:
        key: its name, which is no secret.
        scope: what it may do.
        replaced: the names of keys that ended with it.
    """

    TOPIC = "addressee.KeyIssued"

    key: str
    scope: str
    replaced: tuple[str, ...] = ()


class KeyRevoked(ApplicationAction):
    """An API key was revoked.

    Args:
        key: its name.
        scope: what it could do.
    """

    TOPIC = "addressee.KeyRevoked"

    key: str
    scope: str


class SessionsEnded(Action):
    """All sessions of operators were ended."""

    TOPIC = "addressee.SessionsEnded"


class PushOrdered(ApplicationAction):
    """A dispatch was made.

    Args:
        dispatch: its id.
        include_disabled: also to installations with a push flag off.
        resend_unknown: whether a batch of unknown outcome is sent again.
        starts_at: before when it does not start, in UTC; None if that was not ordered.
    """

    TOPIC = "addressee.PushOrdered"

    dispatch: str
    include_disabled: bool = False
    resend_unknown: bool = False
    starts_at: datetime | None = None


class PushChanged(ApplicationAction):
    """A dispatch was paused, resumed or cancelled by a caller.

    Args:
        dispatch: its id.
        state: the state that it has since.
    """

    TOPIC = "addressee.PushChanged"

    dispatch: str
    state: Literal["running", "paused", "cancelled"]


class PushesForgotten(Action):
    """Dispatches that had ended were deleted, with texts, audiences and outcomes.

    Args:
        application: whose; None for all applications.
        before: the time before which they were made.
        dispatches: how many.
    """

    TOPIC = "addressee.PushesForgotten"

    application: str | None = None
    before: datetime
    dispatches: int


class SinkChanged(Action):
    """A sink of relays was paused, resumed, or made to send facts again.

    Args:
        sink: its name.
        change: ``rewound`` to a position, or ``resent`` dead letters.
        position: where it goes on, of one that was rewound.
        letters: how many dead letters are sent again.
    """

    TOPIC = "addressee.SinkChanged"

    sink: str
    change: Literal["paused", "resumed", "rewound", "resent"]
    position: int | None = None
    letters: int | None = None


class WorkStarted(Action):
    """A long work on the store was started.

    Args:
        work: its name, such as ``rebuild``.
        parts: what it is confined to, if anything.
    """

    TOPIC = "addressee.WorkStarted"

    work: str
    parts: tuple[str, ...] = ()
