"""The operator's file of sinks: a TOML table for each, with what it takes to reach it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from addressee.adapters.operator_toml import Kind, Settings, made, read_toml, text, texts, whole
from addressee.application import EventSink
from addressee.domain import InvalidValue

from .json_lines import JsonLinesSink

KAFKA_LOGIN = (
    "security.protocol",
    "sasl.mechanism",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
)
"""Settings of librdkafka that a table may have, by their own names."""


LEDGER = "ledger"
"""What ``data`` of a stream of NATS is that takes the whole ledger in place of facts."""


class SinkSettings(NamedTuple):
    """One table of the file.

    Args:
        sink: where facts go to.
        options: ``data`` and ``source`` of `Relay`, where the table has them; ``data`` may also be
            `LEDGER`.
    """

    sink: EventSink
    options: Mapping[str, Any]


def json_lines(settings: Settings, folder: Path) -> EventSink:
    """Return a sink that adds lines to a file."""
    return JsonLinesSink(folder / text(settings, "path"))


def webhook(settings: Settings, _: Path) -> EventSink:
    """Return a sink that posts to an endpoint."""
    from .webhook import WebhookSink  # noqa: PLC0415 # an extra: the rest works without it

    return WebhookSink(
        text(settings, "url"), texts(settings, "secrets"), allow=texts(settings, "allow", [])
    )


def jetstream(settings: Settings, folder: Path) -> EventSink:
    """Return a sink that publishes to a stream of NATS."""
    from .jetstream import JetStreamSink  # noqa: PLC0415 # likewise

    options: dict[str, Any] = {}
    if "credentials" in settings:
        options["user_credentials"] = str(folder / text(settings, "credentials"))
    return JetStreamSink(
        texts(settings, "servers"),
        text(settings, "stream"),
        text(settings, "subject", "addressee"),
        replicas=whole(settings, "replicas", 1),
        **options,
    )


def rabbitmq(settings: Settings, _: Path) -> EventSink:
    """Return a sink that publishes to an exchange of RabbitMQ."""
    from .rabbitmq import RabbitMQSink  # noqa: PLC0415 # likewise

    return RabbitMQSink(text(settings, "url"), text(settings, "exchange"))


def kafka(settings: Settings, _: Path) -> EventSink:
    """Return a sink that publishes to a topic of Kafka."""
    from .kafka import KafkaSink  # noqa: PLC0415 # likewise

    options = {name: text(settings, name) for name in KAFKA_LOGIN if name in settings}
    return KafkaSink(texts(settings, "servers"), text(settings, "topic"), options=options)


def redis(settings: Settings, _: Path) -> EventSink:
    """Return a sink that adds to a Redis stream."""
    from .redis_stream import RedisStreamSink  # noqa: PLC0415 # likewise

    return RedisStreamSink(text(settings, "url"), text(settings, "stream"))


def with_options(make: Callable[[Settings, Path], EventSink]) -> Callable[..., SinkSettings]:
    """Return a function that reads what every table may have as well."""

    def both(settings: Settings, folder: Path) -> SinkSettings:
        options = {each: text(settings, each) for each in ("data", "source") if each in settings}
        if options.get("data") == LEDGER and (settings["kind"] != "nats" or "source" in options):
            raise InvalidValue("data", "can be ledger only in a stream of NATS without a source")
        return SinkSettings(make(settings, folder), options)

    return both


def kind(
    make: Callable[[Settings, Path], EventSink], names: Sequence[str], extra: str = ""
) -> Kind[SinkSettings]:
    """Return what a table can be."""
    return Kind(with_options(make), frozenset({*names, "data", "source"}), extra)


KINDS: Mapping[str, Kind[SinkSettings]] = {
    "file": kind(json_lines, ("path",)),
    "webhook": kind(webhook, ("url", "secrets", "allow"), "webhooks"),
    "nats": kind(jetstream, ("servers", "stream", "subject", "replicas", "credentials"), "nats"),
    "rabbitmq": kind(rabbitmq, ("url", "exchange"), "rabbitmq"),
    "kafka": kind(kafka, ("servers", "topic", *KAFKA_LOGIN), "kafka"),
    "redis": kind(redis, ("url", "stream"), "redis"),
}


def read_sinks(path: str | Path, names: Sequence[str]) -> dict[str, SinkSettings]:
    """Return name → sink, for those that are asked for.

    The file has a table ``[NAME]`` for each, with ``kind`` and the settings of that kind; paths in
    it start at its own folder.

    Raises:
        InvalidValue: the file can't be read, has no table of a name, or one is wrong; no value of
            it is repeated, for they may be secret.
    """
    file = Path(path)
    content = read_toml("sinks", file)
    if missing := [name for name in names if name not in content]:
        known = ", ".join(sorted(content)) or "none"
        raise InvalidValue("sinks", f"{file} has no table {missing[0]}; there are: {known}")
    return {name: made(f"sinks: {name}", content[name], KINDS, file.parent) for name in names}
