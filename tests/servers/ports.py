"""Ports that nobody listens on."""

from __future__ import annotations

import socket
from secrets import randbelow

LOWEST, COUNT = 10_000, 20_000
"""Below those that systems give to connections: none takes one before its server listens on it."""


def free_port() -> int:
    """Return a port of the loopback interface that is free now."""
    while True:
        port = LOWEST + randbelow(COUNT)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
