"""Commands as JSON: ``{"command": "personalize", "installation": …, "identity": {…}}``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from addressee.application import Call, Context, Identity, Personalization
from addressee.application.commands import Reported
from addressee.domain import InvalidValue, values

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
    "merge",
    "unmerge",
)
"""The commands, named as the methods of `Personalization`."""
WITH_FACTS = frozenset({"register", "update_installation"})
IDENTITIES = frozenset({"identity", "remove"})
REMOVE_IS_TAGS = frozenset({"tag", "tag_installation"})


def call_of(content: Mapping[str, Any]) -> tuple[str, Call]:
    """Return a command's name and the call that runs it.

    Raises:
        InvalidValue: the command is unknown, or an argument is unknown, missing or malformed.
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
        arguments["at"] = values.moment("at", arguments["at"])

    def call(people: Personalization) -> Any:  # noqa: ANN401 # each method has its own result
        return getattr(people, name)(**arguments)

    return name, cast("Call", call)


def check_names(name: str, arguments: Mapping[str, Any]) -> None:
    """Check that no argument is missing or unknown; raises InvalidValue."""
    needs, takes = names_of(name)
    for field in needs:
        if field not in arguments:
            raise InvalidValue(field, f"is missing: {name} needs it")
    if unknown := sorted(arguments.keys() - takes):
        raise InvalidValue(unknown[0], f"is no argument of {name}")


@cache
def names_of(name: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the names of a command's required arguments, and of all its arguments.

    Cached, since to inspect a signature costs more than everything else per command.
    """
    _, *parameters = inspect.signature(getattr(Personalization, name)).parameters.values()
    named = [each for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD]
    needs = tuple(each.name for each in named if each.default is inspect.Parameter.empty)
    facts = Reported.__annotations__ if name in WITH_FACTS else ()
    takes = {*(each.name for each in named), *Context.__annotations__, *facts}
    return needs, frozenset(takes - {"transaction"})  # JSON can't express it
