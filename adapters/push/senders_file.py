"""The operator's file of senders: a TOML table for each application and service."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from addressee.application import PushTransport
from addressee.domain import InvalidValue

from .recording import RecordingPush

if TYPE_CHECKING:
    from .apns import ApnsToken

Settings = Mapping[str, Any]


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


KINDS: Mapping[str, tuple[Callable[[Settings, Path], PushTransport], frozenset[str]]] = {
    "fcm": (fcm, frozenset({"project", "credentials"})),
    "apns": (apns, frozenset({"team", "key_id", "key", "topic", "environment"})),
    "webpush": (webpush, frozenset({"key", "contact"})),
    "infobip": (infobip, frozenset({"application", "key", "url"})),
    "recording": (recording, frozenset({"path"})),
}
"""Kind → what makes its transport, and the settings that it takes."""


def read_senders(path: str | Path) -> dict[tuple[str, str], PushTransport]:
    """Return application and service → transport, as `Notifier` takes them.

    The file has a table ``[APPLICATION.SERVICE]`` for each, with ``kind`` and the settings of that
    kind; paths in it start at its own folder.

    Raises:
        InvalidValue: the file can't be read, or a table is wrong; no value of it is repeated, for
            they may be secret.
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            content = tomllib.load(opened)
    except OSError as error:
        raise InvalidValue("senders", f"{file} can't be opened: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = str(error).rpartition("(")[2].rstrip(")") if "(at " in str(error) else "somewhere"
        raise InvalidValue("senders", f"{file} is no TOML: {place}") from None
    return {
        (application, service): transport_of(f"{application}.{service}", settings, file.parent)
        for application, services in content.items()
        for service, settings in table(application, services).items()
    }


def transport_of(place: str, settings: object, folder: Path) -> PushTransport:
    """Return the transport of one table; raises InvalidValue, which names the table."""
    given = table(place, settings)
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidValue(f"senders: {place}.kind", f"should be one of {', '.join(KINDS)}")
    make, names = KINDS[kind]
    if unknown := sorted(given.keys() - names - {"kind"}):
        problem = f"is no setting of {kind}; there are: {', '.join(sorted(names))}"
        raise InvalidValue(f"senders: {place}.{unknown[0]}", problem)
    try:
        return make(given, folder)
    except ImportError:
        problem = "needs more: pip install 'addressee[push]'"
        raise InvalidValue(f"senders: {place}.kind", problem) from None
    except InvalidValue as error:
        raise InvalidValue(f"senders: {place}.{error.field}", error.problem) from None


def table(place: str, value: object) -> Settings:
    """Return a table of the file; raises InvalidValue for anything else."""
    if not isinstance(value, dict):
        raise InvalidValue(f"senders: {place}", "should be a table")
    return cast("Settings", value)


def content_of(name: str, settings: Settings, folder: Path) -> str:
    """Return what is in the file that a setting names; raises InvalidValue."""
    file = folder / text(settings, name)
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidValue(name, "names a file that can't be read") from None


def text(settings: Settings, name: str, default: str | None = None) -> str:
    """Return a setting that is a text; raises InvalidValue where it is missing or is none."""
    value = settings.get(name, default)
    if not isinstance(value, str) or not value:
        raise InvalidValue(name, "should be a text")
    return value
