"""Commands in our own words: ``{"command": "personalize", "installation": …, "identity": {…}}``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from addressee.application import Call, Context, Identity, Personalization
from addressee.application.commands import Reported
from addressee.domain import InvalidValue

NAMES = (
    "register",
    "update_installation",
    "tag_installation",
    "expire",
    "personalize",
    "update_person",
    "tag",
    "depersonalize",
    "depersonalize_all",
    "set_primary",
    "touch",
    "define_segment",
    "remove_segment",
)
"""The commands that a line may give, by the names of their methods."""
WITH_FACTS = frozenset({"register", "update_installation"})
IDENTITIES = frozenset({"identity", "remove"})
REMOVE_IS_TAGS = frozenset({"tag", "tag_installation"})


def call_of(content: Mapping[str, Any]) -> tuple[str, Call]:
    """Return the command's name and the call that gives it.

    Raises:
        InvalidValue: there is no such command, or an argument is unknown, missing or malformed.
    """
    arguments = {**content}
    name = arguments.pop("command", None)
    if not isinstance(name, str) or name not in NAMES:
        raise InvalidValue("command", f"should be one of {', '.join(NAMES)}")
    check_names(name, arguments)
    for field in IDENTITIES & arguments.keys():
        if name not in REMOVE_IS_TAGS and arguments[field] is not None:
            arguments[field] = Identity.model_validate(arguments[field])
    if arguments.get("at") is not None:
        arguments["at"] = moment_of(arguments["at"])

    def call(people: Personalization) -> Any:  # noqa: ANN401 # the method says what it answers
        return getattr(people, name)(**arguments)

    return name, cast("Call", call)


def check_names(name: str, arguments: Mapping[str, Any]) -> None:
    """Raise InvalidValue for an argument that the command does not take, or that is missing."""
    needs, takes = names_of(name)
    for field in needs:
        if field not in arguments:
            raise InvalidValue(field, f"is missing: {name} needs it")
    if unknown := sorted(arguments.keys() - takes):
        raise InvalidValue(unknown[0], f"is no argument of {name}")


@cache
def names_of(name: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the arguments that a command needs, and all that it takes.

    Kept, for looking at a signature costs more than all else that is done with a line.
    """
    _, *parameters = inspect.signature(getattr(Personalization, name)).parameters.values()
    named = [each for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD]
    needs = tuple(each.name for each in named if each.default is inspect.Parameter.empty)
    facts = Reported.__annotations__ if name in WITH_FACTS else ()
    takes = {*(each.name for each in named), *Context.__annotations__, *facts}
    return needs, frozenset(takes - {"transaction"})  # which is no text


def moment_of(value: object) -> datetime:
    """Return the time in UTC that ISO 8601 text means; where it names no zone, it is UTC."""
    try:
        moment = datetime.fromisoformat(cast("str", value))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise InvalidValue("at", "should be a time such as 2026-11-23T09:30:00Z") from None
