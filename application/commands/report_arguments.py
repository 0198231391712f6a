"""The report of a device, from a command's arguments to checked values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict, cast

from addressee.domain import (
    FACTS,
    FLAG_FACTS,
    UNIQUE_FACTS,
    Attributes,
    Facts,
    InvalidValue,
    Values,
    values,
)

from ..unit_of_work.command_context import CONTEXT, Context

Environment = Literal["production", "sandbox"]
"""Of APNs: which of Apple's two services knows the token."""


class Reported(TypedDict, total=False):
    """Everything a device may report; what is left out stays as it is, None removes (R8)."""

    os: str | None
    os_version: str | None
    sdk_version: str | None
    app_version: str | None
    device_manufacturer: str | None
    device_model: str | None
    device_name: str | None
    device_secure: bool | None
    language: str | None
    timezone: str | None
    push_service: str | None
    push_token: str | None
    fid: str | None
    apns_environment: Environment | None
    apns_topic: str | None
    webpush_p256dh: str | None
    webpush_auth: str | None
    application_user_id: str | None
    push_enabled: bool
    notifications_enabled: bool
    attributes: Attributes | None


class Report(TypedDict):
    """A checked report; None leaves a field as it is, a None within removes."""

    facts: Facts
    attributes: Values
    push_enabled: bool | None
    notifications_enabled: bool | None


def report_of(options: Mapping[str, object]) -> Report:
    """Return the checked report within a command's keyword arguments.

    Raises:
        InvalidValue: a name is unknown or a value has the wrong type.
        LimitExceeded: a value is too long.
    """
    facts: Facts = {}
    for name, value in options.items():
        if name in FACTS:
            check = values.push_token if name in UNIQUE_FACTS else values.text
            facts[name] = None if value is None else check(name, value, FACTS[name])
            if name == "apns_environment" and value is not None:
                values.choice(name, value, Environment)
        elif name in FLAG_FACTS:
            facts[name] = None if value is None else values.flag(name, value)
        elif name not in Reported.__annotations__ and name not in CONTEXT:
            raise InvalidValue(name, "is no fact that a device reports")
    return Report(
        facts=facts,
        attributes=values.attributes("attributes", options.get("attributes")),
        push_enabled=optional_flag("push_enabled", options),
        notifications_enabled=optional_flag("notifications_enabled", options),
    )


def context_of(options: Mapping[str, Any]) -> Context:
    """Return the context within a command's keyword arguments."""
    return cast("Context", {name: options[name] for name in options.keys() & CONTEXT})


def optional_flag(name: str, options: Mapping[str, object]) -> bool | None:
    """Return a flag, or None where it is not given."""
    value = options.get(name)
    return None if value is None else values.flag(name, value)
