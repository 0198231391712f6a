"""Where a push reaches an installation, read from what the device tells of itself (R38)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from .values import Scalar

SERVICES = {
    "gcm": "fcm",
    "firebase": "fcm",
    "apple": "apns",
    "web_push": "webpush",
    "web-push": "webpush",
    "huawei": "hms",
    "infobip": "vendor",
}
"""Names that devices give a push service, and ours. Any other name stands for itself."""
SERVICES_OF_SYSTEMS = {"ios": "apns", "ipados": "apns"}
"""The service of an operating system, where a device names none; of all others it is FCM, which
serves every system."""
DETAILS = {
    "apns": {"apns_environment": "environment", "apns_topic": "topic"},
    "webpush": {"webpush_p256dh": "p256dh", "webpush_auth": "auth"},
}
"""What a service needs besides the address: the device fact, and its name in the details."""
UNIQUE_FACTS = ("push_token", "fid")
"""Device facts that are addresses: two live installations of an application never share one (R7).

A Web Push endpoint is the push token of its service."""
ADDRESS_FACTS = frozenset(
    {"push_service", "os", *UNIQUE_FACTS, *(fact for of in DETAILS.values() for fact in of)}
)
"""Device facts that an address depends on."""


class Address(NamedTuple):
    """Where a push service reaches an installation.

    Args:
        service: ``fcm``, ``apns``, ``webpush``, ``hms``, ``vendor``, or as the device named it, in
            lower case.
        address: the service's token, the Firebase installation id, the Web Push endpoint, or the
            vendor's registration id.
        details: what the service needs besides: ``environment`` and ``topic`` of APNs, ``p256dh``
            and ``auth`` of Web Push, ``kind`` (``fid``) of a Firebase installation id.
        since: when the device registered it, in UTC.
    """

    service: str
    address: str
    details: Mapping[str, str]
    since: datetime

    def __repr__(self) -> str:
        """Show no personal data."""
        return f"Address(service={self.service!r}, since={self.since!r})"


def address_of(installation: str, facts: Mapping[str, Scalar], since: datetime) -> Address | None:
    """Return the address within device facts; None where they have none.

    Args:
        installation: the installation's id, which is the address of the reference vendor's service.
        facts: as the installation holds them.
        since: when they became as they are.
    """
    service = service_of(facts)
    if service == "vendor":
        return Address(service, installation, {}, since)
    if service == "fcm" and (fid := facts.get("fid")):
        return Address(service, str(fid), {"kind": "fid"}, since)
    if not (token := facts.get("push_token")):
        return None
    needed = DETAILS.get(service, {})
    details = {name: str(facts[fact]) for fact, name in needed.items() if fact in facts}
    return Address(service, str(token), details, since)


def service_of(facts: Mapping[str, Scalar]) -> str:
    """Return the push service that device facts name, or that their operating system has."""
    if named := str(facts.get("push_service", "")).lower():
        return SERVICES.get(named, named)
    return SERVICES_OF_SYSTEMS.get(str(facts.get("os", "")).lower(), "fcm")
