"""Right tokens are verified, and no others."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from addressee.adapters.tokens.claims import InvalidToken
from addressee.adapters.tokens.issued_tokens import IssuedTokens
from tests.servers.identity_provider import FAR, IdentityProvider, new_key, rsa_key


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_R47_a_token_of_the_issuer_is_verified(
    provider: IdentityProvider, tokens: IssuedTokens, algorithm: str
) -> None:
    provider.rotate("key", algorithm)
    trusted = provider.trusted()
    for typ in ("JWT", "at+jwt", "application/at+jwt"):
        token = provider.token(header={"typ": typ}, aud=["others", "shop-app"])
        assert tokens.fetched_claims(token, trusted)["sub"] == "ali"
    assert provider.asked == ["/keys"]


def unsigned(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(p).encode()).decode() for p in (header, claims))
    return ".".join([*(part.rstrip("=") for part in parts), ""])


Forge = Callable[[IdentityProvider], str]
FORGED: dict[str, tuple[Forge, str]] = {
    "another issuer": (lambda p: p.token(iss="https://elsewhere"), "iss"),
    "no issuer": (lambda p: p.token(iss=None), "iss"),
    "an issuer that is none": (
        lambda p: unsigned({"alg": "ES256", "kid": "first"}, {"iss": [p.url]}),
        "iss|malformed",
    ),
    "another audience": (lambda p: p.token(aud="bank-app"), "aud"),
    "an audience that has ours": (lambda p: p.token(aud="shop-app2"), "aud"),
    "no audience": (lambda p: p.token(aud=None), "aud"),
    "an audience that is none": (lambda p: p.token(aud=[["shop-app"], {}, None]), "aud"),
    "expired": (lambda p: p.token(exp=1_700_000_000), "exp is in the past"),
    "for ever": (lambda p: p.token(exp=None), "exp is missing"),
    "too early": (lambda p: p.token(nbf=FAR), "nbf"),
    "from the future": (lambda p: p.token(iat=FAR), "iat"),
    "another key of this kid": (
        lambda p: jwt.encode(
            {"iss": p.url, "aud": "shop-app", "sub": "ali", "exp": FAR}, new_key(), "ES256",
            {"kid": "first"},
        ),
        "signature",
    ),
    "none": (
        lambda p: unsigned(
            {"alg": "none", "kid": "first"}, {"iss": p.url, "aud": "shop-app", "exp": FAR}
        ),
        "alg is none of RS256, ES256, EdDSA",
    ),
    "no kid": (lambda p: unsigned({"alg": "ES256"}, {"iss": p.url, "aud": "shop-app"}), "kid"),
    "an odd kid": (
        lambda p: unsigned({"alg": "ES256", "kid": ["first"]}, {"iss": p.url, "aud": "shop-app"}),
        "malformed",
    ),
    "a critical header": (lambda p: p.token(header={"crit": ["exp"]}), "crit|malformed"),
    "a logout token without a type of its own": (
        lambda p: p.token(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
        "event",
    ),
    "a logout token": (lambda p: p.token(header={"typ": "logout+jwt"}), "typ"),
    "an odd type": (lambda p: p.token(header={"typ": ["JWT"]}), "typ"),
    "no token": (lambda _: "a.b.c", "malformed"),
    "too long": (lambda p: p.token(x="x" * 20_000), "longer than 16,384"),
}  # fmt: skip


def test_no_other_token_is_verified(provider: IdentityProvider, tokens: IssuedTokens) -> None:
    trusted = provider.trusted()
    for what, (forge, problem) in FORGED.items():
        with pytest.raises(InvalidToken) as refused:
            tokens.fetched_claims(forge(provider), trusted)
        assert re.search(problem, str(refused.value)), what
        assert "ali" not in str(refused.value), what
    assert len(provider.asked) == 1, "forged tokens cause no fetches of their own"


def with_public_key(provider: IdentityProvider, kid: str) -> list[str]:
    """Return tokens that are signed with HMAC and what everybody can read of the public key."""
    public = rsa_key().public_key()
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        json.dumps(provider.published[kid]).encode(),
    ]
    header = {"alg": "HS256", "typ": "JWT", "kid": kid}
    claims = {"iss": provider.url, "aud": "shop-app", "sub": "ali", "exp": FAR}
    head = unsigned(header, claims).rstrip(".").encode()
    algorithm = jwt.get_algorithm_by_name("HS256")
    signatures = (algorithm.sign(head, secret) for secret in secrets)
    encoded = (base64.urlsafe_b64encode(each).rstrip(b"=") for each in signatures)
    return [(head + b"." + each).decode() for each in encoded]


def test_a_public_key_is_no_secret_of_another_algorithm(
    provider: IdentityProvider, tokens: IssuedTokens
) -> None:
    provider.rotate("rsa", "RS256")
    provider.add("curve", "ES256")
    trusted = provider.trusted()
    assert tokens.fetched_claims(provider.token(), trusted)
    for token in with_public_key(provider, "rsa"):
        with pytest.raises(InvalidToken, match="alg is none of"):
            tokens.fetched_claims(token, trusted)
    # Nor is a key of one algorithm one of another.
    for alg, kid in (("RS256", "curve"), ("ES256", "rsa"), ("EdDSA", "curve"), ("RS512", "rsa")):
        token = unsigned({"alg": alg, "kid": kid}, {"iss": provider.url, "aud": "shop-app"}) + "AA"
        with pytest.raises(InvalidToken, match=r"no key with this kid and alg|alg is none of"):
            tokens.fetched_claims(token, trusted)


def test_R47_clocks_may_differ_by_half_a_minute(
    provider: IdentityProvider, tokens: IssuedTokens
) -> None:
    trusted, now = provider.trusted(), time.time()
    for token in (
        provider.token(exp=now - 15),
        provider.token(nbf=now + 15),
        provider.token(iat=now + 15),
    ):
        assert tokens.fetched_claims(token, trusted)["sub"] == "ali"
