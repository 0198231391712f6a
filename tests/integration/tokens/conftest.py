"""An identity provider, and a verifier whose timer the tests move."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

import pytest

from addressee.adapters.tokens.claims import TokenClock
from addressee.adapters.tokens.documents import Documents
from addressee.adapters.tokens.issued_tokens import IssuedTokens
from addressee.adapters.tokens.issuer_keys import IssuerKeys
from tests.servers.identity_provider import IdentityProvider, identity_provider


class Timer:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Generator[IdentityProvider]:
    with identity_provider() as running:
        yield running


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def tokens(timer: Timer) -> IssuedTokens:
    keys = IssuerKeys(Documents(verify=False, timeout=60), timer=timer)
    return IssuedTokens(keys, TokenClock(lambda: datetime.now(UTC)), patience=60)
