"""Tokens that only look as if they were a person's (R55)."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence

import pytest

from tests.acceptance.transport.conftest import FAR, HOME, SECRET, Token, World

GOOD = {"alg": "HS256", "typ": "JWT", "kid": "main"}
CLAIMS: dict[str, object] = {"sub": "ali", "infobip-api-key": "vault", "exp": FAR}
HEADERS: Mapping[str, Sequence[object]] = {
    "kid": (None, "", "Main", "main ", "../main", "main\0", "k" * 5_000, "\ud800", ["main"], 1),
    "alg": ("none", "None", "hs256", "HS512", "RS256", "ES256", "", None, 1),
    "crit": (["exp"], ["b64"]),
}
WRONG: Mapping[str, Sequence[object]] = {
    "exp": (0, float("inf"), float("nan"), [FAR], True, "", None),
    "nbf": (FAR, "soon", [1]),
    "sub": (1, "", None, ["ali"], True),
    "infobip-api-key": ("shop", "Vault", "vault ", None, ["vault"]),
}


def forged(header: str, claims: str) -> str:
    """Return a token of two texts, with a good signature."""
    signed = b".".join(
        base64.urlsafe_b64encode(part.encode("utf-8", "surrogatepass")).rstrip(b"=")
        for part in (header, claims)
    )
    signature = base64.urlsafe_b64encode(hmac.digest(SECRET, signed, "sha256")).rstrip(b"=")
    return b".".join((signed, signature)).decode()


def status_of(world: World, device: str, token: str, who: str = "ali") -> int:
    return world.http.post(
        f"{HOME}/{device}/personalize",
        json={"userIdentity": {"externalUserId": who}},
        headers={"Authorization": f"Bearer {token}"},
    ).status_code


def test_R55_a_token_that_is_signed_but_not_as_agreed_is_refused(each_world: World) -> None:
    device = each_world.register("vault")
    good = json.dumps(CLAIMS)
    tokens = [
        *(forged(json.dumps({**GOOD, k: v}), good) for k in HEADERS for v in HEADERS[k]),
        *(forged(json.dumps(GOOD), json.dumps({**CLAIMS, k: v})) for k in WRONG for v in WRONG[k]),
        *(forged(json.dumps(GOOD), text) for text in ("[]", "1", '"ali"', "{", '{"a":' * 5_000)),
        *(forged(text, good) for text in ("[]", "{}", "null", "[" * 5_000)),
        forged(json.dumps(GOOD), good)[:-1],
    ]
    for token in tokens:
        assert status_of(each_world, device, token) in {401, 403}, token[:200]
    assert each_world.topics(device) == ["InstallationRegistered"]
    assert status_of(each_world, device, forged(json.dumps(GOOD), good)) == 200
    assert "Traceback" not in each_world.served.log.read_text()


def test_R55_the_last_of_two_claims_counts_for_all_that_is_asked(each_world: World) -> None:
    device = each_world.register("vault")
    twice = json.dumps(CLAIMS).replace("{", '{"sub": "bea", ', 1)
    assert status_of(each_world, device, forged(json.dumps(GOOD), twice), "bea") == 403
    assert each_world.topics(device) == ["InstallationRegistered"]


@pytest.mark.parametrize(
    ("named", "signed"),
    [("ali", "Ali"), ("ali", "ali "), ("r\xe9mi", "re\u0301mi"), ("ali", "\uff41li"), ("1", "01")],
)
def test_R55_a_person_is_compared_to_the_letter(
    each_world: World, token: Token, named: str, signed: str
) -> None:
    device = each_world.register("vault")
    assert status_of(each_world, device, token(signed), named) == 403
    assert each_world.topics(device) == ["InstallationRegistered"]
