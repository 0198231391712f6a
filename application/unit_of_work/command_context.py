"""The circumstances in which a command is given (R29, R31)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple, NotRequired, Self, TypedDict

from addressee.domain import InvalidValue, UserData, limits, values

ACTORS = ("device", "backend", "operator", "policy")


class Context(TypedDict):
    """Options of every command besides its own arguments.

    Keys:
        actor: the sender (R29): ``device``, ``backend``, ``operator`` or ``policy``, with ``:name``
            where known.
        correlation_id: to find the events by, up to 256 characters.
        idempotency_key: the same key again answers the first result and records nothing (R31).
        at: when it happened, aware of its zone, for imports; by default the clock's time. At most
            five minutes ahead of the clock, unless the constructor allows more (R48).
        transaction: one that the host has open, to join; a SQLAlchemy connection or session
            where the store is `SqlStore`. The command then takes effect with the host's own rows
            when the host commits, and subscribers are notified then. A lost race is tried a few
            times; after that the host has to begin its transaction again.
        within: the only application that the caller may see; for it, installations of others do not
            exist.
        user_data: the mode of the calling device's application, where a device calls: a person that
            a stricter application has met is out of its reach (R56).
    """

    actor: NotRequired[str]
    correlation_id: NotRequired[str | None]
    idempotency_key: NotRequired[str | None]
    at: NotRequired[datetime | None]
    transaction: NotRequired[object]
    within: NotRequired[str | None]
    user_data: NotRequired[UserData | None]


CONTEXT = frozenset(Context.__annotations__)


class Checked(NamedTuple):
    """A context whose values have been checked."""

    actor: str
    correlation_id: str | None
    idempotency_key: str | None
    at: datetime | None
    within: str | None = None
    user_data: UserData | None = None

    @classmethod
    def of(cls, context: Context, default_actor: str) -> Self:
        """Check a context.

        Args:
            context: as the caller gave it.
            default_actor: the actor, if the context names none.

        Raises:
            InvalidValue: a name is unknown, the actor is none of these kinds, or a value is no
                string.
            LimitExceeded: a value is empty or longer than 256 characters.
        """
        if not context:
            return cls(default_actor, None, None, None)
        check_names(context, CONTEXT)
        mode = context.get("user_data")
        return cls(
            checked_actor(context.get("actor", default_actor)),
            optional_text("correlation_id", context.get("correlation_id")),
            optional_text("idempotency_key", context.get("idempotency_key")),
            None if context.get("at") is None else values.moment("at", context.get("at")),
            optional_text("within", context.get("within")),
            None if mode is None else values.choice("user_data", mode, UserData),
        )


def check_names(given: Mapping[str, object], known: AbstractSet[str]) -> None:
    """Raise InvalidValue for a keyword argument that nothing would read, such as a misspelt one."""
    if not given.keys() <= known:
        raise InvalidValue(min(given.keys() - known), "is no argument of this call")


def checked_actor(actor: str) -> str:
    """Return the actor; raises InvalidValue unless it starts with one of the kinds."""
    name = values.text("actor", actor, limits.NAME, least=1)
    if name.partition(":")[0] not in ACTORS:
        raise InvalidValue("actor", f"should be one of {', '.join(ACTORS)}, with or without :name")
    return name


def optional_text(field: str, value: str | None) -> str | None:
    """Return ``value`` if it is None or a string of 1 to 256 characters."""
    return None if value is None else values.text(field, value, limits.NAME, least=1)
