"""The operator's file of senders: a TOML table for each application and service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from addressee.adapters.operator_toml import (
    Kind,
    Settings,
    content_of,
    made,
    read_toml,
    table,
    text,
)
from addressee.application import PushTransport
from addressee.application.sending.pace import checked_rate
from addressee.domain import InvalidValue

from .recording import RecordingPush

if TYPE_CHECKING:
    from .apns import ApnsToken


def recording(settings: Settings, folder: Path) -> PushTransport:
    """Return a transport that writes to a file: ``path``, from the folder of the file."""
    return RecordingPush(path=folder / text(settings, "path"))


def fcm(settings: Settings, folder: Path) -> PushTransport:
    """Return a transport for a Firebase project, with the file of a service account."""
    from .fcm import FcmPush  # noqa: PLC0415 # an extra: the rest works without it

    try:
        account = json.loads(content_of("credentials", settings, folder))
    except ValueError:
        raise InvalidValue("credentials", "should name a JSON file") from None
    if not isinstance(account, dict):
        raise InvalidValue("credentials", "should name the JSON file of a service account")
    return FcmPush(text(settings, "project"), cast("Settings", account))


def apns(settings: Settings, folder: Path) -> PushTransport:
    """Return a transport for APNs, with the file of a team's key."""
    from .apns import URLS, ApnsPush  # noqa: PLC0415 # likewise

    environment = text(settings, "environment", "production")
    if environment not in URLS:
        raise InvalidValue("environment", f"should be one of {', '.join(URLS)}")
    token = team_token(
        text(settings, "team"), text(settings, "key_id"), content_of("key", settings, folder)
    )
    topic = text(settings, "topic") if "topic" in settings else None
    return ApnsPush(token, topic, environment=environment)


@cache
def team_token(team: str, key_id: str, key: str) -> ApnsToken:
    """Return the one source of tokens of a team: Apple allows a new one every 20 minutes."""
    from .apns import ApnsToken  # noqa: PLC0415 # likewise

    return ApnsToken(team, key_id, key)


def webpush(settings: Settings, folder: Path) -> PushTransport:
    """Return a transport for browsers, with the file of the sender's key."""
    from .webpush import Vapid, WebPush  # noqa: PLC0415 # likewise

    return WebPush(Vapid(content_of("key", settings, folder), text(settings, "contact")))


def infobip(settings: Settings, folder: Path) -> PushTransport:
    """Return a transport for the reference vendor, with a file that has the API key."""
    from .infobip import InfobipPush  # noqa: PLC0415 # likewise

    return InfobipPush(
        text(settings, "application"),
        content_of("key", settings, folder).strip(),
        url=text(settings, "url"),
    )


KINDS: Mapping[str, Kind[PushTransport]] = {
    "fcm": Kind(fcm, frozenset({"project", "credentials"}), "push"),
    "apns": Kind(apns, frozenset({"team", "key_id", "key", "topic", "environment"}), "push"),
    "webpush": Kind(webpush, frozenset({"key", "contact"}), "push"),
    "infobip": Kind(infobip, frozenset({"application", "key", "url"}), "push"),
    "recording": Kind(recording, frozenset({"path"})),
}


class Senders(NamedTuple):
    """What a file of senders has, by application and service, as `Notifier` takes it."""

    transports: dict[tuple[str, str], PushTransport]
    rates: dict[tuple[str, str], float]


def read_senders(path: str | Path) -> Senders:
    """Return transports and rates.

    The file has a table ``[APPLICATION.SERVICE]`` for each, with ``kind``, the settings of that
    kind, and if wanted ``rate``, messages a second; paths in it start at its own folder.

    Raises:
        InvalidValue: the file can't be read, or a table is wrong; no value of it is repeated, for
            they may be secret.
    """
    file, senders = Path(path), Senders({}, {})
    for application, services in read_toml("senders", file).items():
        for service, settings in table(f"senders: {application}", services).items():
            place, key = f"senders: {application}.{service}", (application, service)
            given = dict(table(place, settings))
            if (rate := given.pop("rate", None)) is not None:
                senders.rates[key] = checked_rate(f"{place}.rate", rate)
            senders.transports[key] = made(place, given, KINDS, file.parent)
    return senders
