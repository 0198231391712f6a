"""The operator's file of sinks: a TOML table for each, with what it takes to reach it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from addressee.application import EventSink
from addressee.domain import InvalidValue

from .json_lines import JsonLinesSink

Settings = Mapping[str, Any]
COMMON = frozenset({"kind", "data", "source"})


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """One table of the file.

    Args:
        sink: where facts go to.
        options: ``data`` and ``source`` of `Relay`, where the table has them.
    """

    sink: EventSink
    options: Mapping[str, Any]


def json_lines(settings: Settings) -> EventSink:
    """Return a sink that adds lines to a file."""
    return JsonLinesSink(text(settings, "path"))


def webhook(settings: Settings) -> EventSink:
    """Return a sink that posts to an endpoint."""
    from .webhook import WebhookSink  # noqa: PLC0415 # an extra: the rest works without it

    return WebhookSink(
        text(settings, "url"), texts(settings, "secrets"), allow=texts(settings, "allow", [])
    )


def jetstream(settings: Settings) -> EventSink:
    """Return a sink that publishes to a stream of NATS."""
    from .jetstream import JetStreamSink  # noqa: PLC0415 # likewise

    options: dict[str, Any] = {}
    if "credentials" in settings:
        options["user_credentials"] = text(settings, "credentials")
    return JetStreamSink(
        texts(settings, "servers"),
        text(settings, "stream"),
        text(settings, "subject", "addressee"),
        **options,
    )


def rabbitmq(settings: Settings) -> EventSink:
    """Return a sink that publishes to an exchange of RabbitMQ."""
    from .rabbitmq import RabbitMQSink  # noqa: PLC0415 # likewise

    return RabbitMQSink(text(settings, "url"), text(settings, "exchange"))


def redis(settings: Settings) -> EventSink:
    """Return a sink that adds to a Redis stream."""
    from .redis_stream import RedisStreamSink  # noqa: PLC0415 # likewise

    return RedisStreamSink(text(settings, "url"), text(settings, "stream"))


KINDS: Mapping[str, tuple[Callable[[Settings], EventSink], str, frozenset[str]]] = {
    "file": (json_lines, "", frozenset({"path"})),
    "webhook": (webhook, "webhooks", frozenset({"url", "secrets", "allow"})),
    "nats": (jetstream, "nats", frozenset({"servers", "stream", "subject", "credentials"})),
    "rabbitmq": (rabbitmq, "rabbitmq", frozenset({"url", "exchange"})),
    "redis": (redis, "redis", frozenset({"url", "stream"})),
}
"""Kind → what makes its sink, the extra that brings its driver, and the settings that it takes."""


def read_sinks(path: str | Path, names: list[str]) -> dict[str, SinkSettings]:
    """Return name → sink, for those that are asked for.

    Raises:
        InvalidValue: the file can't be read, has no table of a name, or one is wrong; no value of
            it is repeated, for they may be secret.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidValue("sinks", f"{path} can't be opened: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise InvalidValue("sinks", f"{path} is no TOML") from None
    if missing := [name for name in names if not isinstance(content.get(name), dict)]:
        known = ", ".join(sorted(content)) or "none"
        raise InvalidValue("sinks", f"{path} has no table {missing[0]}; there are: {known}")
    return {name: sink_of(name, content[name]) for name in names}


def sink_of(name: str, settings: Settings) -> SinkSettings:
    """Return the sink of one table; raises InvalidValue, which names the table."""
    kind = settings.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidValue(f"sinks: {name}.kind", f"should be one of {', '.join(KINDS)}")
    make, extra, allowed = KINDS[kind]
    if unknown := sorted(settings.keys() - allowed - COMMON):
        problem = f"is no setting of {kind}; there are: {', '.join(sorted(allowed | COMMON))}"
        raise InvalidValue(f"sinks: {name}.{unknown[0]}", problem)
    options = {each: settings[each] for each in ("data", "source") if each in settings}
    try:
        return SinkSettings(make(settings), options)
    except ImportError:
        problem = f"needs more: pip install 'addressee[{extra}]'"
        raise InvalidValue(f"sinks: {name}.kind", problem) from None
    except InvalidValue as error:
        raise InvalidValue(f"sinks: {name}.{error.field}", error.problem) from None


def text(settings: Settings, name: str, default: str | None = None) -> str:
    """Return a setting that is a text; raises InvalidValue where it is missing or is none."""
    value = settings.get(name, default)
    if not isinstance(value, str) or not value:
        raise InvalidValue(name, "should be a text")
    return value


def texts(settings: Settings, name: str, default: list[str] | None = None) -> list[str]:
    """Return a setting that is a list of texts; raises InvalidValue likewise."""
    value = settings.get(name, default)
    found = cast("list[object]", value) if isinstance(value, list) else []
    if value is None or not isinstance(value, list) or any(not isinstance(v, str) for v in found):
        raise InvalidValue(name, "should be a list of texts")
    return cast("list[str]", value)
