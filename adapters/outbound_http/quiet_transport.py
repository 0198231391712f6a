"""Requests whose URL is nobody's business but the receiver's."""

from __future__ import annotations

import httpx


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
