"""A Python client of `/v1`; needs httpx and nothing of the server."""

from .v1_client import Client
from .v1_connection import Problem

__all__ = ["Client", "Problem"]
