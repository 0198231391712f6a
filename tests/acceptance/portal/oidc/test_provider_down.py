"""An identity provider that does not answer as it should: requests are bounded, visitors told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Thread

import pytest

from addressee.adapters.portal import Endpoints
from addressee.adapters.portal.oidc.pending_sign_in import Flow, ProviderUnavailable, SignInRefused
from addressee.adapters.portal.oidc.provider import ProvenOperator, Provider
from addressee.adapters.tokens.claims import TokenClock
from addressee.adapters.tokens.documents import LARGEST, Documents
from addressee.adapters.tokens.issued_tokens import IssuedTokens
from addressee.adapters.tokens.issuer_keys import IssuerKeys
from tests.acceptance.portal.visits import Operator

from .conftest import House

START = "/sign-in/provider"
FLOW = Flow("state", "nonce", "verifier", "shop", "", 0)


class InThread:
    """A provider whose calls are made in a thread: that of the tests may have an event loop."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def sign_in_url(self) -> str:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._provider.sign_in_url, FLOW).result()

    def redeemed(self) -> ProvenOperator:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._provider.redeemed, "code", FLOW).result()


def asking(house: House, timeout: float = 60, **settings: object) -> InThread:
    """Return a provider with nothing in its cache."""
    keys = IssuerKeys(Documents(verify=False, timeout=timeout))
    tokens = IssuedTokens(keys, TokenClock(lambda: datetime.now(UTC)))
    return InThread(Provider(house.settings(**settings), tokens))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"issuer": "https://evil.example"}, "another issuer's"),
        ({"authorization_endpoint": None}, "authorization_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"token_endpoint": "http://10.0.0.1/token"}, "token_endpoint"),
        ({"token_endpoint": "file:///etc/passwd"}, "token_endpoint"),
        ({"jwks_uri": "http://shop.example/keys"}, "jwks_uri"),
        ({"jwks_uri": 7}, "jwks_uri"),
        ({"end_session_endpoint": "data:text/html,x"}, "end_session_endpoint"),
        ({"long": "x" * LARGEST}, "more than"),
    ],
)
def test_a_wrong_discovery_document_sends_nobody_anywhere(
    house: House, wrong: dict[str, object], problem: str
) -> None:
    house.provider.discovery = wrong
    with pytest.raises(ProviderUnavailable, match=problem):
        asking(house).sign_in_url()


def test_no_redirect_of_the_provider_is_followed(house: House) -> None:
    for path in ("/.well-known/openid-configuration", "/token"):
        house.provider.asked.clear()
        house.provider.statuses = {path: 302}
        with pytest.raises(ProviderUnavailable, match="302"):
            asking(house).redeemed()
        assert "/keys" not in house.provider.asked


def test_a_code_is_refused_by_the_provider_and_not_by_its_failures(house: House) -> None:
    for status, expected in (
        (400, SignInRefused),
        (401, SignInRefused),
        (500, ProviderUnavailable),
    ):
        house.provider.statuses = {"/token": status}
        with pytest.raises(expected):
            asking(house).redeemed()


def test_a_provider_that_sends_a_byte_at_a_time_is_not_waited_for(house: House) -> None:
    house.provider.pace = 0.5
    with pytest.raises(ProviderUnavailable, match=r"longer than 0\.2 seconds"):
        asking(house, timeout=0.2).sign_in_url()


def test_a_failed_discovery_is_asked_for_again_only_after_a_while(house: House) -> None:
    house.provider.statuses = {"/.well-known/openid-configuration": 500}
    provider = asking(house)
    house.provider.asked.clear()
    for _ in range(50):
        with pytest.raises(ProviderUnavailable):
            provider.sign_in_url()
    assert len(house.provider.asked) == 1


def test_named_endpoints_need_no_discovery(house: House) -> None:
    house.provider.asked.clear()
    named = Endpoints(*(f"{house.provider.url}/{each}" for each in ("a?tenant=1", "token", "keys")))
    url = asking(house, endpoints=named).sign_in_url()
    assert url.startswith(f"{house.provider.url}/a?tenant=1&response_type=code&")
    assert house.provider.asked == []


def test_a_slow_provider_delays_nobody_who_does_not_sign_in_there(house: House) -> None:
    house.mount("/slow")
    released, arrived = Event(), Event()

    def wait() -> None:
        arrived.set()
        released.wait(60)

    house.provider.before = wait
    visitors = [
        Thread(target=Operator(house.url).http.get, args=(f"/slow{START}?application=shop",))
        for _ in range(12)
    ]
    try:
        for visitor in visitors:
            visitor.start()
        assert arrived.wait(60)
        admin = Operator(house.url, house.shop.keys["admin"])
        assert admin.signed.url.path == "/portal/"
    finally:
        released.set()
        house.provider.before = lambda: None
        for visitor in visitors:
            visitor.join()


def test_the_visitor_is_told(house: House) -> None:
    house.mount("/down")
    house.provider.statuses = {"/.well-known/openid-configuration": 500}
    visitor = Operator(house.url)
    answer = visitor.http.get(f"/down{START}", params={"application": "shop"})
    assert answer.status_code == 503
    assert "does not answer as it should" in answer.text
    for application in ("", "nothing"):
        assert visitor.get(START, application=application).status_code == 404
