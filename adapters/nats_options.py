"""What an operator gives of NATS, checked before anything connects: the driver finds out late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from string import whitespace
from typing import Any
from urllib.parse import urlsplit

from addressee.domain import InvalidValue

SCHEMES = frozenset({"nats", "tls", "ws", "wss"})
NOT_IN_SUBJECTS = frozenset("*>" + whitespace)
NOT_IN_NAMES = NOT_IN_SUBJECTS | frozenset("./\\")
LONGEST_NAME = 255
JWT, SEED = b"BEGIN NATS USER JWT", b"BEGIN USER NKEY SEED"
USER = b"SU"
"""How the seed of a user begins."""


def checked_servers(servers: str | Sequence[str]) -> list[str]:
    """Return the URLs of servers; raises InvalidValue, which does not repeat their passwords."""
    given = [servers] if isinstance(servers, str) else [*servers]
    schemes = {scheme_of(each) for each in given}
    if not given or not schemes <= SCHEMES:
        raise InvalidValue("servers", "should be URLs such as nats://nats-1:4222")
    if len({scheme in {"ws", "wss"} for scheme in schemes}) > 1:
        raise InvalidValue("servers", "should be all of WebSockets, or none")
    return given


def scheme_of(server: str) -> str:
    """Return the scheme of a server's URL, by default nats; empty if it can't be parsed."""
    try:
        url = urlsplit(server if "://" in server else f"nats://{server}")
        usable = url.hostname and url.port != 0 and not set(whitespace) & set(server)
    except ValueError:
        return ""
    return url.scheme if usable else ""


def check_stream(name: str) -> None:
    """Raise InvalidValue if no stream can have that name."""
    if not name or len(name) > LONGEST_NAME or NOT_IN_NAMES & set(name):
        problem = "should have up to 255 characters, without white space and any of . * > / \\"
        raise InvalidValue("stream", problem)


def check_subject(subject: str) -> None:
    """Raise InvalidValue if nothing can be published under that subject."""
    if not all(subject.split(".")) or NOT_IN_SUBJECTS & set(subject):
        problem = "should be words with points between them, without white space, * and >"
        raise InvalidValue("subject", problem)


def check_credentials(options: Mapping[str, Any]) -> None:
    """Raise InvalidValue if ``user_credentials`` is a file without any, as the driver reads it."""
    file = options.get("user_credentials")
    if not isinstance(file, str | Path):
        return
    try:
        nkeys: Any = import_module("nkeys")  # an extra, which has no types
    except ImportError:
        raise InvalidValue("credentials", "need more: pip install 'addressee[nats]'") from None
    try:
        lines = Path(file).read_bytes().splitlines(keepends=True)
    except (OSError, ValueError) as error:
        raise InvalidValue("credentials", f"can't be read: {type(error).__name__}") from None
    seed = behind(SEED, lines)
    try:
        nkeys.from_seed(seed)
    except (nkeys.NkeysError, ValueError):
        seed = b""
    if not (behind(JWT, lines) and seed.startswith(USER)):
        problem = "should be a file with the JWT and the seed of a user, as nsc writes it"
        raise InvalidValue("credentials", problem)


def behind(mark: bytes, lines: Sequence[bytes]) -> bytes:
    """Return the line behind the first that has a mark, without its end; empty if none has it."""
    places = [n for n, line in enumerate(lines, 1) if mark in line]
    return b"".join(lines[n][:-1] for n in places[:1] if n < len(lines))
