"""The reference vendor's push service, with registrations as its only destinations.

Every other destination would let the vendor choose devices without our ledger. A request has a
whole batch; what became of its messages comes as delivery reports (API description 3.210.0).
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import httpx

from addressee.adapters.outbound_http.retries import retry_after
from addressee.application import (
    Accepted,
    Answer,
    Dead,
    Message,
    Recipient,
    Rejected,
    Retry,
    Unknown,
)
from addressee.domain import InvalidValue, values

from .concurrent_posts import Posts, json_of, object_of

OK, BAD_REQUEST = 200, 400
QUOTA_WAIT, OUTAGE_WAIT = 60.0, 10.0
"""Seconds to wait at least after 429, and after 503."""
PATIENCE, LOOK = 5.0, 0.5
"""For how many seconds reports are waited for, and between two requests for them."""
LIMIT = 1_000
"""Most reports of one response."""
DEAD = frozenset({8001, 8004})
"""Errors of a registration that has expired or is unknown."""
MISCONFIGURED = frozenset({8002, 8003, 8006, 8007, 8008})
"""Errors of an application whose credentials for its push service are wrong."""
REJECTED_GROUP = 5
"""The group of statuses of messages that are refused at once."""
SILENT_TEXT = " "
"""The API wants a text, also of a message that is not shown."""


class InfobipPush:
    """Sends through the vendor, one request a batch.

    The vendor takes messages first and reports later. Reports are waited for a few seconds, since
    those of dead registrations come at once; a message without a report by then counts as accepted.

    Args:
        application: the vendor's application code or id.
        key: an API key that may send messages and read reports.
        url: the account's base URL, such as ``https://xyz.api.infobip.com``.
        patience: for how many seconds reports are waited for; 0 reads none.
        sleep: waits for so many seconds.
        verify: which certificates are trusted.

    Raises:
        InvalidValue: ``patience`` is below 0.
    """

    def __init__(  # noqa: PLR0913 # configuration comes by constructor
        self,
        application: str,
        key: str,
        *,
        url: str,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        if not patience >= 0:
            raise InvalidValue("patience", "should be 0 or more")
        self._application, self._url = application, url.rstrip("/")
        self._patience, self._sleep = patience, sleep
        self._posts = Posts(verify=verify)
        self._headers = {"authorization": f"App {key}", "content-type": "application/json"}

    def send(self, message: Message, recipients: Sequence[Recipient]) -> Sequence[Answer]:
        """Send a message to the registrations of some recipients."""
        body = {"messages": [self._message(message, recipients)]}
        response = self._posts.post(
            f"{self._url}/push/3/messages", json.dumps(body).encode(), self._headers
        )
        if not isinstance(response, httpx.Response):
            return [response] * len(recipients)
        if response.status_code == BAD_REQUEST and len(recipients) > 1:
            # Nothing was sent; whatever one of them is refused for must not cost the others theirs.
            half = len(recipients) // 2
            return [*self.send(message, recipients[:half]), *self.send(message, recipients[half:])]
        if response.status_code != OK:
            return [refusal_of(response)] * len(recipients)
        told = json_of(response)
        taken = answers_of(told, recipients)
        return self._reported(str(told.get("bulkId", "")), taken)

    def close(self) -> None:
        """Close the connections."""
        self._posts.close()

    def _message(self, message: Message, recipients: Sequence[Recipient]) -> Mapping[str, Any]:
        options: dict[str, Any] = {}
        if message.data:
            options["customPayload"] = dict(message.data)
        if not (message.title or message.body):
            options["isSilent"] = True
        if message.ttl is not None:
            options["validityPeriod"] = {"amount": message.ttl, "timeUnit": "SECONDS"}
        content = {"type": "TEXT", "text": message.body or message.title or SILENT_TEXT}
        if message.title:
            content["title"] = message.title
        return {
            "sender": self._application,
            "destinations": [
                {"type": "REGISTRATION", "pushRegistrationId": each.address} for each in recipients
            ],
            "content": content,
            "options": options,
        }

    def _reported(self, bulk: str, taken: list[Answer]) -> list[Answer]:
        """Return answers with those that reports have come for meanwhile."""
        places = {each.id: n for n, each in enumerate(taken) if isinstance(each, Accepted)}
        for _ in range(int(self._patience / LOOK)):
            if not places:
                break
            self._sleep(LOOK)
            # A request with one destination gets no bulk id.
            asked = {"bulkId": bulk} if bulk else {"messageId": next(iter(places))}
            for report in self._reports(asked):
                place = places.pop(str(report.get("messageId", "")), None)
                if place is not None:
                    taken[place] = outcome_of(report, taken[place])
        return taken

    def _reports(self, asked: Mapping[str, str]) -> list[Mapping[str, object]]:
        """Return reports that nobody has read; none where the vendor does not answer."""
        params = {**asked, "limit": str(LIMIT)}
        try:
            response = self._posts.client.get(
                f"{self._url}/push/3/reports", params=params, headers=self._headers
            )
        except httpx.HTTPError:
            return []
        results = json_of(response).get("results")
        return [
            object_of(each)
            for each in (cast("list[object]", results) if isinstance(results, list) else [])
        ]


def refusal_of(response: httpx.Response) -> Answer:
    """Return what a response to a whole request means."""
    status = response.status_code
    told = json_of(response)
    reason = str(told.get("errorCode", status))
    match status:
        case 401 | 403 | 404:
            return Rejected(reason, misconfigured=True)
        case 429:
            return Retry(reason, retry_after(response, QUOTA_WAIT))
        case 503:
            return Retry(reason, retry_after(response, OUTAGE_WAIT))
        case _ if status >= 500:  # noqa: PLR2004 # the server's own failures
            # It may have taken the messages before it failed.
            return Unknown(reason)
        case _:
            return Rejected(reason)


def answers_of(told: Mapping[str, object], recipients: Sequence[Recipient]) -> list[Answer]:
    """Return what the vendor says of each destination; its answers name them."""
    messages = told.get("messages")
    given = [
        object_of(each)
        for each in (cast("list[object]", messages) if isinstance(messages, list) else [])
    ]
    by_address = {str(each.get("destination", "")): each for each in given}
    return [taken_of(by_address.get(each.address)) for each in recipients]


def taken_of(message: Mapping[str, object] | None) -> Answer:
    """Return what the vendor says of one message as it takes it."""
    if message is None:
        return Unknown("the vendor did not say whether it took the message")
    status = object_of(message.get("status"))
    if status.get("groupId") == REJECTED_GROUP:
        return Rejected(str(status.get("name", "REJECTED")))
    return Accepted(str(message.get("messageId", "")))


def outcome_of(report: Mapping[str, object], taken: Answer) -> Answer:
    """Return what a delivery report means.

    Args:
        report: as the vendor has it.
        taken: what holds where the report tells no error.
    """
    error = object_of(report.get("error"))
    code = error.get("id")
    if not isinstance(code, int) or code == 0:
        return taken
    if code in DEAD:
        return Dead(str(code), moment_of(report.get("sentAt")))
    return Rejected(str(code), misconfigured=code in MISCONFIGURED)


def moment_of(text: object) -> datetime | None:
    """Return the time that a report names, if it names one."""
    try:
        return values.moment("sentAt", text)
    except InvalidValue:
        return None
