"""The HTTP transport: what mobile SDKs speak, what backends speak, and `/v1`."""

from .app import create_app

__all__ = ["create_app"]
