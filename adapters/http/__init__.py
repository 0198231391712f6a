"""The HTTP service: the API of the mobile SDKs, the vendor's backend API, and `/v1`."""

from addressee.adapters.http_client import Client, Problem

from .app import create_app
from .service_context import Bounds

__all__ = ["Bounds", "Client", "Problem", "create_app"]
