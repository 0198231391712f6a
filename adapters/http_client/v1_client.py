"""The client of `/v1`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from .v1_connection import part
from .v1_pushes import PushCalls

Moment = datetime | int
"""A time, UTC without a zone, or a position in the ledger."""


class Client(PushCalls):
    """Calls one server with one API key; safe to share between threads.

    Every call raises Problem if the server returns an error, and httpx.TransportError if it can't
    be reached. Results are the JSON that OpenAPI describes. The arguments are those of
    `Connection`.
    """

    def command(
        self,
        name: str,
        *,
        idempotency_key: str | None = None,
        **arguments: Any,  # noqa: ANN401 # JSON
    ) -> dict[str, Any]:
        """Run a command of `Personalization` by its name, with its arguments as JSON."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        result: dict[str, Any] = self._call("POST", f"/commands/{name}", arguments, headers=headers)
        return result

    def count(
        self, expression: str, *, include_disabled: bool = False, as_of: Moment | None = None
    ) -> int:
        """Return the number of installations that an audience reaches, or reached."""
        query = query_of(expression, as_of, include_disabled=include_disabled)
        found: int = self._call("POST", "/audiences/count", query)["count"]
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
        query = {**query_of(expression, as_of, include_disabled=include_disabled), "n": n}
        found: list[str] = self._call("POST", "/audiences/preview", query)["installations"]
        return found

    def explain(
        self,
        expression: str,
        installation: str,
        *,
        include_disabled: bool = False,
        as_of: Moment | None = None,
    ) -> dict[str, Any]:
        """Explain why an audience reaches an installation, or reached it, or does not."""
        query = query_of(expression, as_of, include_disabled=include_disabled)
        query["installation"] = installation
        found: dict[str, Any] = self._call("POST", "/audiences/explain", query)
        return found

    def targets(
        self,
        expression: str,
        *,
        include_disabled: bool = False,
        after: str | None = None,
        as_of: Moment | None = None,
    ) -> Iterator[str]:
        """Yield every installation that an audience reaches, or reached, in constant memory.

        A response that was cut off raises httpx.RemoteProtocolError after its last installation,
        also where a proxy in between hides the cut; call again with ``after``.
        """
        query = query_of(expression, as_of, include_disabled=include_disabled)
        for found in self._stream("/audiences/targets", {**query, "after": after}):
            yield found["installation"]

    def recipients(
        self,
        expression: str,
        *,
        include_disabled: bool = False,
        after: str | None = None,
        as_of: Moment | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield what `targets` does, each with person, push service and address.

        Installations without an address are left out.
        """
        query = query_of(expression, as_of, include_disabled=include_disabled)
        return self._stream("/audiences/recipients", {**query, "after": after})

    def installation(self, installation: str) -> dict[str, Any]:
        """Return an installation."""
        found: dict[str, Any] = self._call("GET", f"/installations/{part(installation)}")
        return found

    def person(self, person: str) -> dict[str, Any]:
        """Return a person."""
        found: dict[str, Any] = self._call("GET", f"/persons/{part(person)}")
        return found

    def export_person(
        self,
        person: str,
        *,
        addresses: bool = False,
        processing: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> Iterator[bytes]:
        """Yield the parts of a ZIP with everything that is held about a person.

        Args:
            person: the person's id.
            addresses: whether push tokens and the like are shown.
            processing: what the operator says of purposes, recipients and storage.
            correlation_id: to find the record of the export by.
        """
        order = {
            "addresses": addresses,
            "processing": processing,
            "correlation_id": correlation_id,
        }
        return self._parts(f"/persons/{part(person)}/export", order)

    def erase_person(
        self, person: str, *, dry_run: bool = False, correlation_id: str | None = None
    ) -> dict[str, Any]:
        """Make a person's data unreadable for good, and return the certificate.

        It needs a key with the scope admin. A call that was interrupted is repeated, and goes on.

        Args:
            person: the person's id.
            dry_run: change nothing, and return what would be erased.
            correlation_id: to find the record of the erasure by.
        """
        order = {"dry_run": dry_run, "correlation_id": correlation_id}
        return self._erase(f"/persons/{part(person)}", order)

    def erase_installation(
        self, installation: str, *, dry_run: bool = False, correlation_id: str | None = None
    ) -> dict[str, Any]:
        """Make unreadable what a device told while nobody was signed in; return the certificate.

        Arguments as for `erase_person`. An installation that is in use expires first.
        """
        order = {"dry_run": dry_run, "correlation_id": correlation_id}
        return self._erase(f"/installations/{part(installation)}", order)

    def _erase(self, place: str, order: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = self._call("POST", f"{place}/erase", order)
        return done

    def preview_merge(self, survivor: str, merged: str) -> dict[str, Any]:
        """Return what the command ``merge`` would do, and the digest that it needs."""
        order = {"survivor": survivor, "merged": merged}
        found: dict[str, Any] = self._call("POST", "/merges/preview", order)
        return found

    def preview_unmerge(self, merge: str) -> dict[str, Any]:
        """Return what the command ``unmerge`` would do, and its digest."""
        found: dict[str, Any] = self._call("POST", "/merges/preview-unmerge", {"merge": merge})
        return found

    def find_person(self, **identity: Any) -> dict[str, Any] | None:  # noqa: ANN401 # JSON
        """Return the person who holds any of the identifiers, or None.

        Args:
            identity: ``external_id``, ``msisdns`` and ``emails``, as `Identity` has them.
        """
        found: dict[str, Any] | None = self._call("POST", "/persons/find", identity)["person"]
        return found

    def holder(self, installation: str, at: datetime | None = None) -> dict[str, Any] | None:
        """Return the person of an installation at a moment, with the data of that moment."""
        path = f"/installations/{part(installation)}/holder"
        found: dict[str, Any] | None = self._call("GET", path, params=moment(at))["person"]
        return found

    def applications(self) -> list[dict[str, Any]]:
        """Return the applications of the key with their policies."""
        found: list[dict[str, Any]] = self._call("GET", "/applications")
        return found

    def installation_history(
        self, installation: str, *, after: int = 0, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the events of an installation, oldest first.

        Args:
            installation: its id.
            after: only events after this position.
            limit: most events; by default all, read page by page.
        """
        return self._pages("GET", f"/installations/{part(installation)}/history", after, limit)

    def person_history(
        self, person: str, *, after: int = 0, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the events of a person, oldest first; arguments as for `installation_history`."""
        return self._pages("GET", f"/persons/{part(person)}/history", after, limit)

    def identifier_history(
        self, kind: str, value: str, *, after: int = 0, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the holders of an identifier and when they held it."""
        body = {"kind": kind, "value": value}
        return self._pages("POST", "/identifiers/history", after, limit, body)

    def who(self, installation: str, at: datetime | None = None) -> str | None:
        """Return the person of an installation at a moment, now by default."""
        path = f"/installations/{part(installation)}/who"
        person: str | None = self._call("GET", path, params=moment(at))["person"]
        return person

    def devices(self, person: str, at: datetime | None = None) -> list[str]:
        """Return the installations of a person at a moment, now by default."""
        path = f"/persons/{part(person)}/devices"
        found: list[str] = self._call("GET", path, params=moment(at))["installations"]
        return found


def query_of(expression: str, as_of: Moment | None, *, include_disabled: bool) -> dict[str, Any]:
    """Return the body of an audience query."""
    moment = as_of.isoformat() if isinstance(as_of, datetime) else as_of
    return {"expression": expression, "include_disabled": include_disabled, "as_of": moment}


def moment(at: datetime | None) -> dict[str, str]:
    """Return the query parameters of a moment."""
    return {} if at is None else {"at": at.isoformat()}
