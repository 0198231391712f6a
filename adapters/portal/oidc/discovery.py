"""Where an identity provider answers: its discovery document, in a cache."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Lock
from typing import cast

from addressee.adapters.tokens.documents import Documents, DocumentUnavailable
from addressee.domain import AddresseeError

from .pending_sign_in import ProviderUnavailable
from .settings import Endpoints, OidcSettings, checked_url

PATH = "/.well-known/openid-configuration"
FRESH = 300.0
"""Age at which the document is read again, in seconds."""
PAUSE = 10.0
"""Least time between two attempts to read it, in seconds."""


class Discovery:
    """Knows the endpoints of a provider; used from threads that may wait.

    Args:
        settings: of the provider.
        documents: reads the document.
        timer: gives seconds that only grow.
    """

    def __init__(
        self,
        settings: OidcSettings,
        documents: Documents,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._documents = documents
        self._timer = timer
        self._lock = Lock()
        self._found: Endpoints | None = settings.endpoints
        self._problem = ""
        self._due = float("inf") if settings.endpoints else float("-inf")

    def endpoints(self) -> Endpoints:
        """Return the endpoints, of the last document that could be read.

        Raises:
            ProviderUnavailable: none could be, or the document is not the provider's.
        """
        with self._lock:
            if self._timer() >= self._due:
                self._read()
            if self._found is None:
                raise ProviderUnavailable(self._problem)
            return self._found

    def _read(self) -> None:
        issuer, wait = self._settings.issuer, PAUSE
        try:
            document = self._documents.read(f"{issuer.rstrip('/')}{PATH}")
            self._found, wait = endpoints_of(document, issuer), FRESH
        except (DocumentUnavailable, ProviderUnavailable) as error:
            self._problem = str(error)
        finally:
            self._due = self._timer() + wait


def endpoints_of(document: bytes, issuer: str) -> Endpoints:
    """Return the endpoints that a discovery document names.

    Raises:
        ProviderUnavailable: it is malformed, lacks one, or is another issuer's
            (OpenID Connect Discovery 1.0, section 4.3).
    """
    try:
        content: object = json.loads(document)
    except (ValueError, RecursionError):
        raise ProviderUnavailable("the discovery document is no JSON") from None
    given = cast("dict[str, object]", content) if isinstance(content, dict) else {}
    if given.get("issuer") != issuer:
        raise ProviderUnavailable("the discovery document is another issuer's")
    ending = given.get("end_session_endpoint")
    try:
        return Endpoints(
            checked_url("authorization_endpoint", given.get("authorization_endpoint")),
            checked_url("token_endpoint", given.get("token_endpoint")),
            checked_url("jwks_uri", given.get("jwks_uri")),
            None if ending is None else checked_url("end_session_endpoint", ending),
        )
    except AddresseeError as error:
        raise ProviderUnavailable(f"the discovery document is wrong: {error}") from None
