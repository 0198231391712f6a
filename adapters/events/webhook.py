"""Facts to an HTTP endpoint, signed as Standard Webhooks has it (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ssl
import time
from collections.abc import Collection, Sequence

import httpx

from addressee.adapters.outbound_http.address_guard import GuardedTransport, Refused
from addressee.adapters.outbound_http.retries import TIMEOUT, UNSENT, retry_after
from addressee.application import (
    DeliveryFailed,
    FactMessage,
    Published,
    SinkClosed,
    SinkProblem,
    SinkUnavailable,
)
from addressee.domain import InvalidValue

PREFIX = "whsec_"
LEAST, MOST = 24, 64
"""Bytes of a secret."""
THROTTLING = frozenset({429, 502, 503, 504})
GONE = 410
BODY = 4096
"""Bytes of an answer that are read, so that the connection can be used again; nobody sees them."""
TURN = 2.0
"""Seconds after which a batch may end early, so that little is sent twice after a crash."""


class WebhookSink:
    """Posts each fact to an endpoint, one after the other.

    Endpoints may be chosen by customers, so connections go to public addresses only, over HTTPS,
    and follow no redirect. An answer 2xx confirms; 410 closes the sink until an operator resumes
    it; 429, 502, 503, 504 and a server that can't be reached make it wait, for ``Retry-After`` if
    that is longer. After anything else the relay tries again by its schedule.

    Args:
        url: of the endpoint, ``https://``.
        secrets: sign, ``whsec_`` and 24 to 64 bytes in base64; two while the receiver changes from
            one to the next.
        allow: host names that may lead to addresses that are not public.
        timeout: for an answer, in seconds.
        verify: which certificates are trusted, as for `httpx.Client`.

    Raises:
        InvalidValue: the URL or a secret can't be used.
    """

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        *,
        allow: Collection[str] = (),
        timeout: float = TIMEOUT,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._url = url_of(url)
        if not secrets:
            raise InvalidValue("secrets", "should have at least one")
        self._keys = [key_of(secret) for secret in secrets]
        self._client = httpx.Client(
            transport=GuardedTransport(allow, verify=verify),
            timeout=httpx.Timeout(timeout, connect=timeout / 2),
            headers={
                "content-type": "application/cloudevents+json; charset=utf-8",
                "user-agent": "addressee",
            },
            follow_redirects=False,
            trust_env=False,
        )

    def resume(self) -> int | None:
        """Return None: an endpoint can't be asked."""
        return None

    def publish(self, messages: Sequence[FactMessage]) -> Published:
        """Post messages until one is not taken, or for two seconds."""
        end = time.monotonic() + TURN
        for confirmed, message in enumerate(messages, 1):
            if (problem := self._post(message)) is not None:
                return Published(confirmed - 1, problem)
            if time.monotonic() > end:
                return Published(confirmed)
        return Published(len(messages))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, message: FactMessage) -> SinkProblem | None:
        name, at = f"{message.source}:{message.id}", str(int(time.time()))
        signed = b".".join((name.encode(), at.encode(), message.content))
        headers = {
            "webhook-id": name,
            "webhook-timestamp": at,
            "webhook-signature": " ".join(signature(key, signed) for key in self._keys),
        }
        try:
            with self._client.stream(
                "POST", self._url, content=message.content, headers=headers
            ) as response:
                for _ in response.iter_raw(BODY):
                    break
        except Refused as refused:
            return SinkClosed(str(refused))
        except UNSENT as error:
            return SinkUnavailable(f"no connection: {type(error).__name__}")
        except httpx.HTTPError as error:
            return DeliveryFailed(f"no answer: {type(error).__name__}")
        return problem_of(response)


def problem_of(response: httpx.Response) -> SinkProblem | None:
    """Return what an answer means; None for a confirmation."""
    status = response.status_code
    if response.is_success:
        return None
    if status == GONE:
        return SinkClosed(f"the endpoint answers {status}")
    if status in THROTTLING:
        return SinkUnavailable(f"the endpoint answers {status}", retry_after(response, 0.0))
    return DeliveryFailed(f"the endpoint answers {status}")


def signature(key: bytes, signed: bytes) -> str:
    """Return one signature of the header."""
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def url_of(text: str) -> httpx.URL:
    """Return the URL of an endpoint; raises InvalidValue."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise InvalidValue("url", "can't be read") from None
    if url.scheme != "https" or not url.host:
        raise InvalidValue("url", "should begin with https://")
    return url


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret; raises InvalidValue, which does not repeat it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not (secret.startswith(PREFIX) and LEAST <= len(key) <= MOST):
        raise InvalidValue("secrets", f"should be {PREFIX} and {LEAST} to {MOST} bytes in base64")
    return key
