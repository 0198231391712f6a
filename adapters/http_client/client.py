"""A thin client of `/v1`, for services and scripts in Python."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

Moment = datetime | int
"""A time, UTC where it names no zone, or a position in the ledger."""


class Problem(Exception):  # its name is that of the document it carries (RFC 9457)
    """The server refused.

    Args:
        status: the HTTP status.
        code: what is wrong, in a form that never changes.
        detail: the same for people.
        field: the field concerned, if there is one.
    """

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


class Client:
    """Speaks to one server with one API key; safe to share between threads.

    Every call raises Problem where the server refuses, and httpx.TransportError where it can't be
    reached. What it answers is the JSON that OpenAPI describes.

    Args:
        url: where the server is, such as ``http://127.0.0.1:8000``.
        key: an API key.
        timeout: how long an answer may take, in seconds.
    """

    def __init__(self, url: str, key: str, *, timeout: float = 30) -> None:
        headers = {"Authorization": f"App {key}"}
        self._http = httpx.Client(base_url=f"{url}/v1", headers=headers, timeout=timeout)

    def command(
        self,
        name: str,
        *,
        idempotency_key: str | None = None,
        **arguments: Any,  # noqa: ANN401 # JSON
    ) -> dict[str, Any]:
        """Give a command of `Personalization` by its name, with its arguments as JSON has them."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        answer: dict[str, Any] = self._asked(
            "POST", f"/commands/{name}", arguments, headers=headers
        )
        return answer

    def count(
        self, expression: str, *, include_disabled: bool = False, as_of: Moment | None = None
    ) -> int:
        """Return how many installations an audience reaches, or reached."""
        question = asked(expression, as_of, include_disabled=include_disabled)
        found: int = self._asked("POST", "/audiences/count", question)["count"]
        return found

    def preview(
        self,
        expression: str,
        n: int = 10,
        *,
        include_disabled: bool = False,
        as_of: Moment | None = None,
    ) -> list[str]:
        """Return the first installations that an audience reaches, or reached."""
        question = {**asked(expression, as_of, include_disabled=include_disabled), "n": n}
        found: list[str] = self._asked("POST", "/audiences/preview", question)["installations"]
        return found

    def explain(
        self,
        expression: str,
        installation: str,
        *,
        include_disabled: bool = False,
        as_of: Moment | None = None,
    ) -> dict[str, Any]:
        """Return why an audience reaches an installation or does not, or did not."""
        question = asked(expression, as_of, include_disabled=include_disabled)
        question["installation"] = installation
        found: dict[str, Any] = self._asked("POST", "/audiences/explain", question)
        return found

    def targets(
        self,
        expression: str,
        *,
        include_disabled: bool = False,
        after: str | None = None,
        as_of: Moment | None = None,
    ) -> Iterator[str]:
        """Yield every installation that an audience reaches, or reached, at steady memory."""
        question = asked(expression, as_of, include_disabled=include_disabled)
        question["after"] = after
        with self._http.stream("POST", "/audiences/targets", json=question) as answer:
            if answer.is_error:
                answer.read()
            checked(answer)
            for line in answer.iter_lines():
                yield json.loads(line)["installation"]

    def installation_history(self, installation: str) -> list[dict[str, Any]]:
        """Return everything that happened to an installation."""
        found: list[dict[str, Any]] = self._asked(
            "GET", f"/installations/{part(installation)}/history"
        )
        return found

    def person_history(self, person: str) -> list[dict[str, Any]]:
        """Return everything that happened to a person."""
        found: list[dict[str, Any]] = self._asked("GET", f"/persons/{part(person)}/history")
        return found

    def identifier_history(self, kind: str, value: str) -> list[dict[str, Any]]:
        """Return who held an identifier and when."""
        question = {"kind": kind, "value": value}
        found: list[dict[str, Any]] = self._asked("POST", "/identifiers/history", question)
        return found

    def who(self, installation: str, at: datetime | None = None) -> str | None:
        """Return who held an installation at a moment, now by default."""
        path = f"/installations/{part(installation)}/who"
        person: str | None = self._asked("GET", path, params=moment(at))["person"]
        return person

    def devices(self, person: str, at: datetime | None = None) -> list[str]:
        """Return which installations a person held at a moment, now by default."""
        path = f"/persons/{part(person)}/devices"
        found: list[str] = self._asked("GET", path, params=moment(at))["installations"]
        return found

    def ready(self) -> bool:
        """Say whether the server can do its work."""
        return self._http.get("/ready").is_success

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return the client, to be closed at the block's end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def _asked(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 # JSON of any kind
        answer = self._http.request(method, path, json=body, headers=headers, params=params)
        return checked(answer).json()


def checked(answer: httpx.Response) -> httpx.Response:
    """Return an answer that is none of a refusal; raises Problem."""
    if answer.is_success:
        return answer
    if answer.headers.get("content-type") != "application/problem+json":
        raise Problem(answer.status_code, "UNKNOWN", "the server gave no reason")
    told = answer.json()
    raise Problem(answer.status_code, told["code"], told["detail"], told.get("field"))


def part(name: str) -> str:
    """Return a name as one part of a path."""
    return quote(name, safe="")


def asked(expression: str, as_of: Moment | None, *, include_disabled: bool) -> dict[str, Any]:
    """Return an audience as the server takes it."""
    moment = as_of.isoformat() if isinstance(as_of, datetime) else as_of
    return {"expression": expression, "include_disabled": include_disabled, "as_of": moment}


def moment(at: datetime | None) -> dict[str, str]:
    """Return the query for a moment."""
    return {} if at is None else {"at": at.isoformat()}
