"""Requests whose URL is nobody's business but the receiver's."""

from __future__ import annotations

import logging

import httpx

HEADERS = logging.getLogger("hpack")
"""Logs all headers of HTTP/2 at DEBUG: paths with addresses of devices, and signatures. It does so
for whoever sets its own level, and not for a host that sets DEBUG for everything."""
if HEADERS.level == logging.NOTSET:
    HEADERS.setLevel(logging.INFO)


class QuietTransport(httpx.HTTPTransport):
    """Leaves of a request's URL its origin alone, once it is sent.

    `httpx` logs the URL of every request at INFO afterwards; in its path may be a device's address,
    or a secret of the endpoint's.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        response = super().handle_request(request)
        request.url = request.url.copy_with(raw_path=b"/")
        return response
