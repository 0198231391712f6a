"""Requests to `/v1` and what is read of the responses."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

PAGE = 1_000
"""Most events that the server returns at once."""


class Problem(Exception):  # "problem details" is the term of RFC 9457
    """The server returned an error.

    Args:
        status: the HTTP status.
        code: stable name of the error.
        detail: description for people.
        field: the invalid field, if there is one.
    """

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


class Connection:
    """One server and one API key; safe to share between threads.

    Every call raises Problem if the server returns an error, and httpx.TransportError if it can't
    be reached. Results are the JSON that OpenAPI describes.

    Args:
        url: address of the server, such as ``http://127.0.0.1:8000``.
        key: an API key.
        timeout: longest time for a response, in seconds.
    """

    def __init__(self, url: str, key: str, *, timeout: float = 30) -> None:
        headers = {"Authorization": f"App {key}"}
        self._http = httpx.Client(base_url=f"{url}/v1", headers=headers, timeout=timeout)

    def ready(self) -> bool:
        """Return whether the server can serve requests."""
        return self._http.get("/ready").is_success

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return the client; the end of the block closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def _stream(self, path: str, body: object) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a response's lines up to its end mark."""
        with self._opened(path, body) as response:
            yield from until_end(response.iter_lines())

    def _parts(self, path: str, body: object) -> Iterator[bytes]:
        """Yield a response's bytes as they come."""
        with self._opened(path, body) as response:
            yield from response.iter_bytes()

    @contextmanager
    def _opened(self, path: str, body: object) -> Generator[httpx.Response]:
        """Open a successful response, whose body is still to be read."""
        with self._http.stream("POST", path, json=body) as response:
            if response.is_error:
                response.read()
            yield checked(response)

    def _pages(
        self, method: str, path: str, after: int, limit: int | None, body: object = None
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while limit is None or len(found) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(found))
            params = {"after": str(after), "limit": str(size)}
            page: list[dict[str, Any]] = self._call(method, path, body, params=params)
            if not page:
                break
            found += page
            after = page[-1]["position"]
        return found

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 # any JSON
        response = self._http.request(method, path, json=body, headers=headers, params=params)
        return checked(response).json()


def checked(response: httpx.Response) -> httpx.Response:
    """Return a successful response; raises Problem for any other."""
    if response.is_success:
        return response
    if response.headers.get("content-type") != "application/problem+json":
        raise Problem(response.status_code, "UNKNOWN", "the server gave no reason")
    problem = response.json()
    raise Problem(response.status_code, problem["code"], problem["detail"], problem.get("field"))


def until_end(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a stream; raises RemoteProtocolError if its end mark is missing."""
    number = 0
    for line in lines:
        try:
            content: dict[str, Any] = json.loads(line)
        except ValueError:
            break
        if "installation" not in content:
            if content == {"end": True, "installations": number}:
                return
            break
        yield content
        number += 1
    raise httpx.RemoteProtocolError(f"the stream was cut off after {number} installations")


def part(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")
