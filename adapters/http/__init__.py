"""The HTTP transport: what mobile SDKs speak, what backends speak, and `/v1`."""

from addressee.adapters.http_client.client import Client, Problem

from .app import create_app

__all__ = ["Client", "Problem", "create_app"]
