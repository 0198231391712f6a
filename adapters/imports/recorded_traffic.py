"""Recorded requests of a mobile SDK as commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from addressee.adapters.mobile_sdk import (
    Body,
    facts_of,
    json_object,
    object_of,
    person_update_of,
    sign_in_of,
    update_of,
)
from addressee.application import Call
from addressee.domain import InvalidValue

PATH = re.compile(r"/mobile/1/appinstance(?:/(?P<id>[^/]+)(?:/(?P<verb>.+))?)?")


class Traffic:
    """Follows one recording: the n-th id that it names is the n-th that it registered.

    Args:
        ids: makes the ids of installations.
    """

    def __init__(self, ids: Callable[[], str]) -> None:
        self._ids = ids
        self._made: list[str] = []
        self._named: dict[str, str] = {}

    def call_of(self, content: Mapping[str, Any]) -> tuple[str, Call | None]:
        """Return a request's command name and call; the call is None for a GET.

        Raises:
            AddresseeError: the request can't be read, or its method and path are unknown.
        """
        headers = headers_of(content)
        url = url_of(content)
        method = headers.get("x-http-method-override", text_of(content, "method"))
        match = PATH.fullmatch(url.path)
        if match is None:
            raise InvalidValue("path", "is nothing that installations or persons are changed by")
        caller = headers.get("pushregistrationid")
        if method == "GET":
            # Its ids count too: otherwise every id that follows would stand for another one.
            for named in filter(None, (match["id"], caller)):
                self._note(named)
            return "read", None
        body = body_of(content)
        if match["id"] is None:
            return "register", self._register(headers, body)
        installation = self._id(match["id"])
        by = None if caller is None else self._id(caller)
        flags = {name: values[-1] == "true" for name, values in parse_qs(url.query).items()}
        return call_for(method, match["verb"], installation, by, flags, body)

    def _register(self, headers: Mapping[str, str], body: Body) -> Call:
        scheme, _, application = headers.get("authorization", "").partition(" ")
        if scheme != "App" or not application:
            raise InvalidValue("Authorization", "should be App and the application code")
        facts, name = facts_of(body), self._ids()
        self._made.append(name)
        return lambda people: people.register(application, installation=name, **facts)

    def _id(self, named: str) -> str:
        self._note(named)
        if named not in self._named:
            raise InvalidValue("path", "names an installation before it was registered")
        return self._named[named]

    def _note(self, named: str) -> None:
        """Map an id that appears for the first time to the next one that was registered."""
        if named not in self._named and len(self._named) < len(self._made):
            self._named[named] = self._made[len(self._named)]


def call_for(  # noqa: PLR0913, PLR0917 # the parts of a request
    method: str,
    verb: str | None,
    installation: str,
    by: str | None,
    flags: Mapping[str, bool],
    body: Body,
) -> tuple[str, Call]:
    """Return a request's command name and call; raises InvalidValue."""
    match method, verb:
        case "PATCH", None:
            return "update_installation", update_of(installation, by, body)
        case "DELETE", None:
            return "expire", lambda people: people.expire(installation, "unregistered")
        case "POST", "personalize" | "repersonalize":
            return "personalize", sign_in_of(installation, flags, body)
        case "POST", "depersonalize":
            return "depersonalize", lambda people: people.depersonalize(installation, by=by)
        case "PATCH", "user":
            return "update_person", person_update_of(installation, body)
        case "POST", "user/events/session":
            return "touch", lambda people: people.touch(installation)
        case _:
            raise InvalidValue("path", f"can't be asked for with {method}")


def body_of(content: Mapping[str, Any]) -> Body:
    """Return the JSON object in a request's body, empty for no body; raises InvalidValue."""
    text = content.get("body") or "{}"
    if not isinstance(text, str):
        raise InvalidValue("body", "is no JSON")
    return json_object("body", text)


def headers_of(content: Mapping[str, Any]) -> dict[str, str]:
    """Return a request's headers by their names in lower case; raises InvalidValue."""
    given = object_of("headers", content.get("headers") or {})
    return {name.lower(): text_of(given, name) for name in given}


def url_of(content: Mapping[str, Any]) -> SplitResult:
    """Return a request's path and query; raises InvalidValue."""
    try:
        return urlsplit(text_of(content, "path"))
    except ValueError:
        raise InvalidValue("path", "is no path") from None


def text_of(content: Mapping[str, Any], field: str) -> str:
    """Return a field that must be a string; raises InvalidValue."""
    value: object = content.get(field)
    if not isinstance(value, str):
        raise InvalidValue(field, "should be a string")
    return value
