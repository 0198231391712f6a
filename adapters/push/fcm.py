"""Firebase Cloud Messaging, HTTP v1 API (https://firebase.google.com/docs/cloud-messaging)."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, cast

import httpx
import jwt

from addressee.adapters.outbound_http.retries import retry_after
from addressee.application import (
    Accepted,
    Answer,
    Dead,
    Message,
    Recipient,
    Rejected,
    Retry,
)
from addressee.domain import InvalidValue

from .concurrent_posts import CONCURRENCY, Posts, json_of, object_of

URL = "https://fcm.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME, EARLY = 3600, 300
"""Seconds of an access token, and before its end a new one is fetched."""
QUOTA_WAIT, OUTAGE_WAIT = 60.0, 10.0
"""Seconds to wait at least after 429 and after 500 or 503, as the service's guide says."""
OK, BAD, UNAUTHORIZED, FORBIDDEN, MISSING, BUSY = 200, 400, 401, 403, 404, 429


class ServiceAccount:
    """Access tokens for a service account, each for an hour (RFC 7523).

    Args:
        info: the content of the JSON file that Google gives, with ``client_email``,
            ``private_key``, ``private_key_id`` and ``token_uri``.
        client: asks for them.

    Raises:
        InvalidValue: a field is missing.
    """

    def __init__(self, info: Mapping[str, Any], client: httpx.Client) -> None:
        for name in ("client_email", "private_key", "token_uri"):
            if not isinstance(info.get(name), str):
                raise InvalidValue("credentials", f"lacks {name}")
        self._info = info
        self._client = client
        self._lock = Lock()
        self._token, self._ends = "", 0.0

    def __call__(self) -> str:
        """Return a token that is good for some minutes; raises httpx.HTTPError."""
        with self._lock:
            if time.time() > self._ends - EARLY:
                self._token, self._ends = self._fetch()
            return self._token

    def _fetch(self) -> tuple[str, float]:
        now, info = int(time.time()), self._info
        claims = {
            "iss": info["client_email"],
            "scope": SCOPE,
            "aud": info["token_uri"],
            "iat": now,
            "exp": now + LIFETIME,
        }
        headers = {"kid": str(info.get("private_key_id", ""))}
        assertion = jwt.encode(claims, info["private_key"], algorithm="RS256", headers=headers)
        form = {"grant_type": GRANT, "assertion": assertion}
        response = self._client.post(info["token_uri"], data=form).raise_for_status()
        told = json_of(response)
        return str(told["access_token"]), now + float(str(told.get("expires_in", LIFETIME)))


class FcmPush:
    """Sends through one Firebase project, one request a message.

    Args:
        project: the project's id.
        credentials: of a service account, as Google's JSON file has them; or what returns an access
            token.
        url: the service's address.
        concurrency: most requests under way.
        verify: which certificates are trusted.

    Raises:
        InvalidValue: the credentials lack a field.
    """

    def __init__(
        self,
        project: str,
        credentials: Mapping[str, Any] | Callable[[], str],
        *,
        url: str = URL,
        concurrency: int = CONCURRENCY,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self._posts = Posts(concurrency=concurrency, verify=verify)
        self._url = f"{url}/v1/projects/{project}/messages:send"
        self._token = (
            credentials
            if callable(credentials)
            else ServiceAccount(credentials, self._posts.client)
        )

    def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Answer]:
        """Send a message to each recipient."""
        try:
            token = self._token()
        except httpx.HTTPStatusError as error:
            problem = f"no access token: {error.response.status_code}"
            return [Rejected(problem, misconfigured=True)] * len(recipients)
        except httpx.HTTPError as error:
            return [Retry(f"no access token: {type(error).__name__}", OUTAGE_WAIT)] * len(
                recipients
            )
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        common = content_of(message, time.time())

        def answer(recipient: Recipient) -> Answer:
            target = "fid" if recipient.details.get("kind") == "fid" else "token"
            body = {"message": {target: recipient.address, **common}}
            response = self._posts.post(self._url, json.dumps(body).encode(), headers)
            return answer_of(response) if isinstance(response, httpx.Response) else response

        answers = list(self._posts.each(answer, recipients))
        # An argument that is invalid is the address, if others took the same message.
        sound = any(isinstance(each, Accepted) for each in answers)
        return [Dead(INVALID) if sound and each == INVALID_ARGUMENT else each for each in answers]

    def close(self) -> None:
        """Close the connections."""
        self._posts.close()


INVALID = "INVALID_ARGUMENT"
INVALID_ARGUMENT = Rejected(INVALID)


def content_of(message: Message, now: float) -> dict[str, Any]:
    """Return a message without its target."""
    shown = {"title": message.title, "body": message.body}
    android: dict[str, Any] = {"priority": message.priority.upper()}
    silent = not (message.title or message.body)
    apns = {"apns-priority": "5" if silent or message.priority == "normal" else "10"}
    webpush: dict[str, str] = {"Urgency": message.priority}
    if message.ttl is not None:
        android["ttl"] = f"{message.ttl}s"
        apns["apns-expiration"] = str(int(now) + message.ttl if message.ttl else 0)
        webpush["TTL"] = str(message.ttl)
    if message.collapse_key is not None:
        android["collapse_key"] = message.collapse_key
        apns["apns-collapse-id"] = message.collapse_key
    content: dict[str, Any] = {
        "android": android,
        "apns": {"headers": apns},
        "webpush": {"headers": webpush},
    }
    if not silent:
        content["notification"] = {name: text for name, text in shown.items() if text}
    if message.data:
        content["data"] = dict(message.data)
    return content


def answer_of(response: httpx.Response) -> Answer:  # noqa: PLR0911 # a line for each answer
    """Return what a response means.

    See https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode.
    """
    told = json_of(response)
    if response.status_code == OK:
        return Accepted(str(told.get("name", "")))
    reason = reason_of(object_of(told.get("error")))
    match response.status_code, reason:
        case (404, "UNREGISTERED"):
            return Dead(reason)
        case (400, "INVALID_ARGUMENT"):
            return INVALID_ARGUMENT
        case (401 | 403 | 404, _):
            return Rejected(reason or str(response.status_code), misconfigured=True)
        case (429, _):
            return Retry(reason or "429", retry_after(response, QUOTA_WAIT))
        case (status, _) if status >= 500:  # noqa: PLR2004 # the server's own failures
            return Retry(reason or str(status), retry_after(response, OUTAGE_WAIT))
        case (status, _):
            return Rejected(reason or str(status))


def reason_of(error: Mapping[str, object]) -> str:
    """Return the code of the service's own detail, or else nothing."""
    details = error.get("details")
    for each in cast("list[object]", details) if isinstance(details, list) else ():
        detail = object_of(each)
        if str(detail.get("@type", "")).endswith("FcmError"):
            return str(detail.get("errorCode", ""))
    return ""
