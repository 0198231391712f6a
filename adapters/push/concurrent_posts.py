"""Many HTTP requests at once, and what a broken one means."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import cast

import httpx
from h2.exceptions import ProtocolError

from addressee.adapters.outbound_http.address_guard import Refused
from addressee.adapters.outbound_http.quiet_transport import QuietTransport
from addressee.adapters.outbound_http.retries import TIMEOUT, UNSENT
from addressee.application import Answer, Recipient, Rejected, Retry, Unknown

CONCURRENCY = 32
"""How many requests are under way at once."""
LIMITS = httpx.Limits(max_keepalive_connections=4, keepalive_expiry=60)
"""Of the connections of one client; services of browsers are a few."""


class Posts:
    """Posts one request a recipient, HTTP/2 where the server can.

    A connection has one request at a time. `httpcore` writes requests of several threads on one
    HTTP/2 connection without a lock around number and headers: numbers out of order make the server
    end the connection, with all that is under way on it.

    Args:
        concurrency: most requests under way, and so most connections to one host.
        timeout: for an answer, in seconds.
        verify: which certificates are trusted, as for `httpx.Client`.
        transport: makes what opens connections, of such a context of trusted certificates.

    Attributes:
        client: for requests that are made one at a time.
    """

    def __init__(
        self,
        *,
        concurrency: int = CONCURRENCY,
        timeout: float = TIMEOUT,
        verify: ssl.SSLContext | bool = True,
        transport: Callable[[ssl.SSLContext], httpx.BaseTransport] | None = None,
    ) -> None:
        self._concurrency = concurrency
        self._timeout = httpx.Timeout(timeout, connect=timeout / 2)
        self._trusted = httpx.create_ssl_context(verify)
        self._transport = transport or quiet
        self._free = LifoQueue[httpx.Client]()
        self.client = self._new()

    def _new(self) -> httpx.Client:
        return httpx.Client(
            timeout=self._timeout,
            transport=self._transport(self._trusted),
            follow_redirects=False,
            trust_env=False,
        )

    @contextmanager
    def _borrowed(self) -> Generator[httpx.Client]:
        """Lend a client that nobody else uses meanwhile; the last that was used comes first."""
        try:
            client = self._free.get_nowait()
        except Empty:
            client = self._new()
        try:
            yield client
        finally:
            self._free.put(client)

    def each(
        self, answer: Callable[[Recipient], Answer], recipients: Sequence[Recipient]
    ) -> Iterator[Answer]:
        """Yield the answer to each recipient in order; many are asked for at once."""
        with ThreadPoolExecutor(self._concurrency, "addressee-push") as threads:
            yield from threads.map(answer, recipients)

    def post(
        self, url: str, content: bytes, headers: Mapping[str, str]
    ) -> httpx.Response | Rejected | Retry | Unknown:
        """Post a request; return the response, or what it means that there is none."""
        try:
            with self._borrowed() as client:
                return client.post(url, content=content, headers=headers)
        except Refused as refused:
            return Rejected(str(refused))
        except UNSENT as error:
            return Retry(f"no connection: {type(error).__name__}")
        except (httpx.HTTPError, ProtocolError) as error:
            # It may have arrived: no service can be asked, and none knows idempotency keys.
            return Unknown(f"the connection broke: {type(error).__name__}")

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        while not self._free.empty():
            self._free.get().close()


def quiet(trusted: ssl.SSLContext) -> httpx.BaseTransport:
    """Return what opens connections to services that the operator has named."""
    return QuietTransport(http2=True, verify=trusted, limits=LIMITS, trust_env=False)


def json_of(response: httpx.Response) -> Mapping[str, object]:
    """Return the JSON object of a response; an empty one where it has none."""
    try:
        return object_of(response.json())
    except ValueError:
        return {}


def object_of(content: object) -> Mapping[str, object]:
    """Return JSON that is an object, or an empty one."""
    return cast("Mapping[str, object]", content) if isinstance(content, dict) else {}
