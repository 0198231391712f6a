"""Connections to addresses that strangers name: never to a machine within the house."""

from __future__ import annotations

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from .quiet_transport import QuietTransport

NAT64 = IPv6Network("64:ff9b::/96")
LOW_BITS = 0xFFFF_FFFF
NOT_ALLOWED = "the endpoint's host is not allowed"


class Refused(httpx.RequestError):
    """We do not want to send a request."""


class GuardedTransport(QuietTransport):
    """Connects to public addresses only, and to the very one that was looked at.

    A name is looked up here, and the connection goes to what came back: a name that changes
    meanwhile leads nowhere else.

    Args:
        allow: host names that may lead anywhere, such as ``localhost`` in tests.
        options: as for `httpx.HTTPTransport`.
    """

    def __init__(self, allow: Collection[str] = (), **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type] # checked by the one who calls
        self._allow = frozenset(allow)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises Refused."""
        url = request.url
        host = url.host
        if url.scheme != "https":
            raise Refused(NOT_ALLOWED)
        if host not in self._allow:
            address = public_address(host, url.port or 443)
            request.url = url.copy_with(host=address)
            request.extensions = {**request.extensions, "sni_hostname": host}
        return super().handle_request(request)


def public_address(host: str, port: int) -> str:
    """Return a host's address; raises Refused unless each one that it has is public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpx.ConnectError("the host has no address") from None
    addresses = [str(each[4][0]) for each in found]
    if not all(is_public(address) for address in addresses):
        raise Refused(NOT_ALLOWED)
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address can be reached from anywhere, and the IPv4 address within it too."""
    found = ip_address(address.partition("%")[0])
    inner = embedded(found) if isinstance(found, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    return found.is_global and not found.is_multicast


def embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to, if it does."""
    if address in NAT64:
        return IPv4Address(int(address) & LOW_BITS)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo and teredo[1])
