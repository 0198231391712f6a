"""Keys are cached, follow the issuer's, and are fetched within bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from addressee.adapters.tokens.claims import InvalidToken, IssuerUnavailable
from addressee.adapters.tokens.issued_tokens import IssuedTokens
from tests.servers.identity_provider import IdentityProvider, jwk, new_key, rsa_key

from .conftest import Timer


def test_keys_that_rotate_are_followed(
    provider: IdentityProvider, tokens: IssuedTokens, timer: Timer
) -> None:
    trusted, old = provider.trusted(), provider.token()
    assert tokens.fetched_claims(old, trusted)
    provider.rotate("second", "EdDSA")
    with pytest.raises(InvalidToken, match="no key with this kid"):
        tokens.fetched_claims(provider.token(), trusted)  # it was fetched just now
    timer.now += 10
    assert tokens.fetched_claims(provider.token(), trusted)
    with pytest.raises(InvalidToken, match="no key with this kid"):
        tokens.fetched_claims(old, trusted)
    assert len(provider.asked) == 2


def test_a_key_that_is_withdrawn_ends_within_minutes(
    provider: IdentityProvider, tokens: IssuedTokens, timer: Timer
) -> None:
    provider.add("next")
    trusted, old = provider.trusted(), provider.token(kid="first")
    assert tokens.fetched_claims(old, trusted)
    del provider.published["first"]
    timer.now += 299
    assert tokens.claims(old, trusted), "no request waits for a fetch"
    timer.now += 1
    assert tokens.claims(old, trusted), "nor when the keys have aged: they are fetched meanwhile"
    tokens.keys.fetch(trusted.jwks).result(10)
    with pytest.raises(InvalidToken):
        tokens.claims(old, trusted)
    assert tokens.claims(provider.token(kid="next"), trusted)


def test_ten_thousand_unknown_keys_cause_one_fetch(
    provider: IdentityProvider, tokens: IssuedTokens, timer: Timer, *, long: bool
) -> None:
    trusted, good = provider.trusted(), provider.token()
    kids = ["../../etc/passwd", "/dev/zero", "https://evil.example/keys", "first\0", "' or 1=1", ""]
    forged = [provider.token(kid=kid, header={"kid": kid}) for kid in kids]
    for n in range(10_000 if long else 1_000):
        with pytest.raises(InvalidToken, match="no key with this kid"):
            tokens.fetched_claims(forged[n % len(forged)], trusted)
    assert tokens.claims(good, trusted)
    timer.now += 10
    for token in forged:
        with pytest.raises(InvalidToken, match="no key with this kid"):
            tokens.fetched_claims(token, trusted)
    assert provider.asked == ["/keys"] * 2


@pytest.mark.parametrize(
    "trouble", ["status", "redirect", "body", "empty", "large", "slow", "drip"]
)
def test_an_issuer_in_trouble_is_asked_seldom_and_known_keys_go_on(
    provider: IdentityProvider,
    tokens: IssuedTokens,
    timer: Timer,
    trouble: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trusted, token = provider.trusted(), provider.token()
    assert tokens.fetched_claims(token, trusted)
    match trouble:
        case "status":
            provider.status = 503
        case "redirect":
            provider.status, provider.headers = 302, {"location": f"{provider.url}/other"}
        case "body":
            provider.body = b"<html>"
        case "empty":
            provider.body = b'{"keys": []}'
        case "large":
            provider.body = provider.document + b" " * (1 << 18)
        case "slow":
            provider.pace, tokens.keys.documents._timeout = 600, 0.2
        case _:
            provider.pace, tokens.keys.documents._timeout = 0.02, 0.2
    timer.now += 10
    unknown = provider.token(header={"kid": "unknown"})
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            tokens.fetched_claims(unknown, trusted)
        assert tokens.claims(token, trusted)["sub"] == "ali"
    assert len(provider.asked) == 2
    assert tokens.keys.fetches == {"fetched": 1, "failed": 1}
    [line] = caplog.messages
    assert line.startswith("a key set of 127.0.0.1 was not fetched: ")
    timer.now += 3600
    with pytest.raises(IssuerUnavailable):
        tokens.fetched_claims(token, trusted)


def test_keys_come_from_a_file_too(
    provider: IdentityProvider, tokens: IssuedTokens, timer: Timer, tmp_path: Path
) -> None:
    file = tmp_path / "a key set.json"
    trusted = provider.trusted(jwks=file.as_uri())
    with pytest.raises(IssuerUnavailable):
        tokens.fetched_claims(provider.token(), trusted)
    file.write_bytes(provider.document)
    timer.now += 10
    assert tokens.fetched_claims(provider.token(), trusted)
    assert provider.asked == []


def test_keys_that_are_not_for_signatures_are_passed_over(
    provider: IdentityProvider, tokens: IssuedTokens, timer: Timer
) -> None:
    trusted, good = provider.trusted(), provider.published["first"]
    small = jwk(rsa_key(1024), "first", alg="RS256")
    unusable: list[object] = [
        {**good, "use": "enc"},
        {**good, "key_ops": ["sign"]},
        {**good, "key_ops": "verify"},
        {**good, "alg": "ES384"},
        {**good, "d": good["x"]},
        {**good, "crv": "secp256k1"},
        {**good, "crv": ["P-256"]},
        {**good, "y": good["x"]},
        {**good, "x": 5},
        {**good, "kid": None},
        {"kty": "oct", "k": "AAAA", "kid": "first", "alg": "HS256"},
        small,
        "first",
    ]
    provider.body = json.dumps({"keys": unusable}).encode()
    with pytest.raises(IssuerUnavailable):
        tokens.fetched_claims(provider.token(), trusted)
    provider.body = json.dumps({"keys": [*unusable, jwk(new_key(), "other")]}).encode()
    timer.now += 10
    with pytest.raises(InvalidToken, match="no key with this kid"):
        tokens.fetched_claims(provider.token(), trusted)
    provider.body = json.dumps({"keys": [*unusable, good]}).encode()
    timer.now += 10
    assert tokens.fetched_claims(provider.token(), trusted)
    provider.body = json.dumps({"keys": [good] * 101}).encode()
    tokens.keys.fetch(trusted.jwks).result(10)
    assert tokens.keys.fetches["failed"] == 2
