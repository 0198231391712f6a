"""Small JSON documents of identity providers, read within bounds."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

LARGEST = 1 << 18
"""Most bytes of a document."""
TIMEOUT = 5.0
"""Most seconds until a document is there, whatever the pace of its bytes."""
OK = 200


class DocumentUnavailable(Exception):
    """A document can't be read; the text says why, without its address.

    Args:
        problem: why.
        status: of the server's answer, if there was one.
    """

    def __init__(self, problem: str, status: int | None = None) -> None:
        super().__init__(problem)
        self.status = status


class Documents:
    """Reads documents by HTTP or from files; used from threads, not from an event loop.

    It follows no redirect: the address that an operator has checked is the one that is read.

    Args:
        verify: trusted certificates, as for `httpx.AsyncClient`.
        timeout: longest time to read one, in seconds.
        largest: most bytes of one.
    """

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | bool = True,
        timeout: float = TIMEOUT,
        largest: int = LARGEST,
    ) -> None:
        self._verify = verify
        self._timeout = timeout
        self._largest = largest

    def read(self, url: str) -> bytes:
        """Return the document at an ``https:``, ``http:`` or ``file:`` URL.

        Raises:
            DocumentUnavailable: it can't be read in time, or is too large.
        """
        parts = urlsplit(url)
        if parts.scheme == "file":
            return self._of_file(Path(url2pathname(parts.path)))
        return asyncio.run(self._of_server("GET", url))

    def post(
        self, url: str, fields: Mapping[str, str], credentials: tuple[str, str] | None = None
    ) -> bytes:
        """Return what an ``https:`` or ``http:`` URL answers to a form.

        Args:
            url: where the form is sent.
            fields: of the form.
            credentials: name and password of HTTP's basic authentication, if any.

        Raises:
            DocumentUnavailable: as `read`.
        """
        return asyncio.run(self._of_server("POST", url, data=dict(fields), auth=credentials))

    def _of_file(self, path: Path) -> bytes:
        try:
            if not path.is_file():  # a pipe would never end
                raise DocumentUnavailable("there is no such file")
            with path.open("rb") as file:
                content = file.read(self._largest + 1)
        except OSError as error:
            raise DocumentUnavailable(f"the file can't be read: {error.strerror}") from None
        return self._bounded(content)

    async def _of_server(self, method: str, url: str, **options: Any) -> bytes:  # noqa: ANN401 # as httpx takes them
        # Time-outs of single reads would let a server send a byte at a time for ever.
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client() as client,
                client.stream(method, url, **options) as response,
            ):
                return await self._received(response)
        except TimeoutError:
            problem = f"the server takes longer than {self._timeout:g} seconds"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            problem = f"the connection failed: {type(error).__name__}"
        raise DocumentUnavailable(problem)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._verify,
            timeout=self._timeout,
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def _received(self, response: httpx.Response) -> bytes:
        status = response.status_code
        if status != OK:
            raise DocumentUnavailable(f"the server answers {status}", status)
        content = b""
        # Raw, since a compressed body could become large at once.
        async for part in response.aiter_raw():
            content = self._bounded(content + part)
        return content

    def _bounded(self, content: bytes) -> bytes:
        if len(content) > self._largest:
            raise DocumentUnavailable(f"it has more than {self._largest:,} bytes")
        return content
