"""What a local service answers, and what it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """What a service answers."""

    status: int = 200
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    broken: bool = False
    """Whether the answer ends before its content-length, which breaks HTTP/2."""
    after: int = 0
    """How many requests must have come before."""


@dataclass
class Request:
    """What a service was asked."""

    path: str
    headers: dict[str, str]
    body: Any
    http_version: str
