"""The HTTP transport: what mobile SDKs speak, what backends speak, and `/v1`."""

from .app import create_app
from .client import Client, Problem

__all__ = ["Client", "Problem", "create_app"]
