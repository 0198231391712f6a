"""The reference vendor's API for sending, as its API description 3.210.0 has it."""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from urllib.parse import parse_qs

from .replies import Reply

KEY = "vendor-key"
SENT_AT = "2026-11-25T12:00:01.000+0000"
PENDING = {"groupId": 1, "groupName": "PENDING", "id": 7, "name": "PENDING_ENROUTE"}


class VendorService:
    """Takes messages and reports on them, each report once.

    Attributes:
        reply: the answer to the next request that has messages, in place of taking them.
        invalid: registrations that the vendor can't read: a request with one is refused whole.
        statuses: registration → the status that it gets at once.
        errors: registration → the error of its report; 0 for delivered, others get no report.
        asked: the bodies of all requests with messages.
    """

    def __init__(self) -> None:
        self._ids = count(1)
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.reply: Reply | None = None
        self.invalid: set[str] = set()
        self.statuses: dict[str, dict[str, Any]] = {}
        self.errors: dict[str, int] = {}
        self.asked: list[dict[str, Any]] = []
        self._reports: list[dict[str, Any]] = []

    def __call__(
        self, method: str, path: str, query: bytes, headers: dict[str, str], body: bytes
    ) -> Reply:
        """Return the answer to a request."""
        if headers.get("authorization") != f"App {KEY}":
            return Reply(401, {"errorCode": "E401", "description": "", "violations": []})
        if (method, path) == ("POST", "/push/3/messages"):
            return self._messages(json.loads(body))
        assert (method, path) == ("GET", "/push/3/reports")
        return self._report({name: values[0] for name, values in parse_qs(query.decode()).items()})

    def _messages(self, body: dict[str, Any]) -> Reply:
        self.asked.append(body)
        [message] = body["messages"]
        assert message["content"]["text"]
        assert all(each["type"] == "REGISTRATION" for each in message["destinations"])
        names = [each["pushRegistrationId"] for each in message["destinations"]]
        if self.reply is not None:
            return self.reply
        if self.invalid & {*names}:
            return Reply(400, {"errorCode": "E400", "description": "", "violations": []})
        bulk = {"bulkId": f"bulk-{next(self._ids)}"} if len(names) > 1 else {}
        told: list[dict[str, Any]] = []
        for name in names:
            made = f"message-{next(self._ids)}"
            status = self.statuses.get(name, PENDING)
            told.append({"messageId": made, "status": status, "destination": name})
            if (code := self.errors.get(name)) is not None:
                error = {"groupId": 1 if code else 0, "id": code, "permanent": bool(code)}
                report = {"messageId": made, "to": name, "sentAt": SENT_AT, "error": error}
                self._reports.append({**bulk, **report})
        return Reply(200, {**bulk, "messages": told})

    def _report(self, wanted: dict[str, str]) -> Reply:
        limit = int(wanted.pop("limit", "50"))
        found = [
            each
            for each in self._reports
            if all(each.get(name) == value for name, value in wanted.items())
        ][:limit]
        self._reports = [each for each in self._reports if each not in found]
        return Reply(200, {"results": found})
