"""Many HTTP requests at once, and what a broken one means."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import httpx
from h2.exceptions import ProtocolError

from addressee.adapters.outbound_http.address_guard import Refused
from addressee.adapters.outbound_http.quiet_transport import QuietTransport
from addressee.adapters.outbound_http.retries import TIMEOUT, UNSENT
from addressee.application import Answer, Recipient, Rejected, Retry, Unknown

CONCURRENCY = 32
"""How many requests are under way at once."""


class Posts:
    """Posts one request a recipient over connections that are shared, HTTP/2 where the server can.

    Args:
        concurrency: most requests under way.
        timeout: for an answer, in seconds.
        verify: which certificates are trusted, as for `httpx.Client`.
        transport: opens connections.
    """

    def __init__(
        self,
        *,
        concurrency: int = CONCURRENCY,
        timeout: float = TIMEOUT,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._concurrency = concurrency
        limits = httpx.Limits(max_connections=concurrency, keepalive_expiry=60)
        self.client = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=timeout / 2),
            transport=transport
            or QuietTransport(http2=True, verify=verify, limits=limits, trust_env=False),
            follow_redirects=False,
            trust_env=False,
        )

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
            return self.client.post(url, content=content, headers=headers)
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


def json_of(response: httpx.Response) -> Mapping[str, object]:
    """Return the JSON object of a response; an empty one where it has none."""
    try:
        return object_of(response.json())
    except ValueError:
        return {}


def object_of(content: object) -> Mapping[str, object]:
    """Return JSON that is an object, or an empty one."""
    return cast("Mapping[str, object]", content) if isinstance(content, dict) else {}
