"""Apple Push Notification service, over HTTP/2 with provider tokens.

See https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
and, of tokens, establishing-a-token-based-connection-to-apns.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from urllib.parse import quote

import httpx
import jwt

from addressee.adapters.outbound_http.retries import retry_after
from addressee.application import Accepted, Answer, Dead, Message, Recipient, Rejected, Retry

from .concurrent_posts import CONCURRENCY, Posts, json_of

TOPIC = re.compile("[!-~]+")
URLS = {
    "production": "https://api.push.apple.com",
    "sandbox": "https://api.sandbox.push.apple.com",
}
PAYLOAD_LIMIT = 4096
"""Bytes of a payload."""
RENEWED_AFTER = 50 * 60
"""Seconds: Apple refuses tokens older than 60 minutes, and more than one new one in 20."""
OUTAGE_WAIT, BUSY_WAIT, TOKENS_WAIT = 10.0, 60.0, 20 * 60.0
OF_THE_ADDRESS = frozenset(
    {"BadDeviceToken", "DeviceTokenNotForTopic", "BadCollapseId", "BadExpirationDate"}
)
"""Refusals of one message. The first two may be the environment or the topic that is wrong, so the
address counts as alive."""


class ApnsToken:
    """Provider tokens of one team; all senders of the team should share one object.

    Args:
        team: the team's id.
        key_id: the key's id.
        key: the private key, PEM, as in the file that Apple gives.
        clock: gives seconds since 1970.
    """

    def __init__(
        self, team: str, key_id: str, key: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._team, self._key_id, self._key = team, key_id, key
        self._clock = clock
        self._lock = Lock()
        self._token, self._made = "", float("-inf")

    def __call__(self) -> str:
        """Return a token that Apple takes."""
        with self._lock:
            now = self._clock()
            if now - self._made > RENEWED_AFTER:
                claims = {"iss": self._team, "iat": int(now)}
                headers = {"kid": self._key_id}
                self._token = jwt.encode(claims, self._key, algorithm="ES256", headers=headers)
                self._made = now
            return self._token


class ApnsPush:
    """Sends through APNs, one request a message.

    Args:
        token: gives provider tokens.
        topic: the app's bundle id, for addresses that name none.
        environment: ``production`` or ``sandbox``, for addresses that name none.
        urls: environment → the service's address.
        concurrency: most requests under way.
        verify: which certificates are trusted.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor
        self,
        token: Callable[[], str],
        topic: str | None = None,
        *,
        environment: str = "production",
        urls: Mapping[str, str] = URLS,
        concurrency: int = CONCURRENCY,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._token, self._topic, self._environment = token, topic, environment
        self._urls = urls
        self._posts = Posts(concurrency=concurrency, verify=verify)

    def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Answer]:
        """Send a message to each recipient."""
        payload = payload_of(message)
        if len(payload) > PAYLOAD_LIMIT:
            problem = f"PayloadTooLarge: {len(payload)} of {PAYLOAD_LIMIT} bytes"
            return [Rejected(problem)] * len(recipients)
        common = headers_of(message, time.time())

        def answer(recipient: Recipient) -> Answer:
            details = recipient.details
            topic = details.get("topic", self._topic)
            if topic is None:
                return Rejected("MissingTopic", misconfigured=True)
            if not TOPIC.fullmatch(topic):
                return Rejected("BadTopic")  # the device's own word, which no header can have
            url = self._urls[details.get("environment", self._environment)]
            path = f"/3/device/{quote(recipient.address, safe='')}"
            headers = {"authorization": f"bearer {self._token()}", "apns-topic": topic, **common}
            response = self._posts.post(f"{url}{path}", payload, headers)
            return answer_of(response) if isinstance(response, httpx.Response) else response

        return list(self._posts.each(answer, recipients))

    def close(self) -> None:
        """Close the connections."""
        self._posts.close()


def payload_of(message: Message) -> bytes:
    """Return the payload: ``data`` stands beside ``aps``."""
    shown = {"title": message.title, "body": message.body}
    alert = {name: text for name, text in shown.items() if text}
    aps: dict[str, Any] = {"alert": alert} if alert else {"content-available": 1}
    data = {name: text for name, text in message.data.items() if name != "aps"}
    return json.dumps({**data, "aps": aps}, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(message: Message, now: float) -> dict[str, str]:
    """Return the headers of a message; a background push has to have priority 5."""
    silent = not (message.title or message.body)
    headers = {
        "apns-push-type": "background" if silent else "alert",
        "apns-priority": "5" if silent or message.priority == "normal" else "10",
    }
    if message.ttl is not None:
        headers["apns-expiration"] = str(int(now) + message.ttl if message.ttl else 0)
    if message.collapse_key is not None:
        headers["apns-collapse-id"] = message.collapse_key
    return headers


def answer_of(response: httpx.Response) -> Answer:  # noqa: PLR0911 # a line for each answer
    """Return what a response means.

    See https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns.
    """
    told = json_of(response)
    reason = str(told.get("reason", response.status_code))
    match response.status_code, reason:
        case (200, _):
            return Accepted(response.headers.get("apns-id", ""))
        case (410, _):
            return Dead(reason, moment_of(told.get("timestamp")))
        case (400, _) if reason in OF_THE_ADDRESS:
            return Rejected(reason)
        case (403, "ExpiredProviderToken"):
            return Retry(reason, OUTAGE_WAIT)
        case (400 | 403 | 404 | 405, _):
            return Rejected(reason, misconfigured=True)
        case (429, "TooManyProviderTokenUpdates"):
            return Retry(reason, TOKENS_WAIT)
        case (429, _):
            # Of one device: others can be sent to.
            return Retry(reason, BUSY_WAIT, hold=False)
        case (status, _) if status >= 500:  # noqa: PLR2004 # the server's own failures
            return Retry(reason, retry_after(response, OUTAGE_WAIT))
        case _:
            return Rejected(reason)


def moment_of(milliseconds: object) -> datetime | None:
    """Return the time that the service names, if it names one."""
    if not isinstance(milliseconds, int):
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
