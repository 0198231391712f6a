"""A Python client of `/v1`; needs httpx and nothing of the server."""

from .client import Client
from .connection import Problem

__all__ = ["Client", "Problem"]
