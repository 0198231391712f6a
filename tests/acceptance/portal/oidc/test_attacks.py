"""Answers of an identity provider, and of those who pretend to be it, that sign nobody in."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from typing import Any

import jwt
from httpx import Response
from jwt.utils import base64url_encode

from tests.acceptance.portal.visits import Operator
from tests.servers.identity_provider import new_key

from .conftest import COOKIE, START, House, begun

Claims = dict[str, Any]
CALLBACK = "/sign-in/callback"


def cookie_of(visitor: Operator) -> tuple[str, str]:
    """Return name and value of the cookie of the one sign-in under way."""
    [found] = [each for each in visitor.http.cookies.items() if each[0].startswith(COOKIE)]
    return found


def nobody(visitor: Operator, answer: Response, status: int = 401) -> None:
    """Fail unless an answer has signed nobody in, nor shows a secret."""
    assert answer.status_code == status, answer.text
    assert "You are not signed in" in answer.text
    assert visitor.get("/").url.path == "/portal/sign-in"


def test_the_cookie_of_a_sign_in_is_out_of_reach_and_short_lived(visitor: Operator) -> None:
    visitor.http.follow_redirects = False
    given = visitor.get(START, application="shop").headers.get_list("set-cookie")[0]
    name, _, rest = given.partition("=")
    assert name.startswith(COOKIE)
    assert {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax"} <= set(rest.split("; "))


def test_a_page_too_long_for_a_cookie_is_left_out_of_it(visitor: Operator) -> None:
    visitor.http.follow_redirects = False
    for following, is_in in (
        ("/" + "a" * 1900, True),
        ("/" + "a" * 2000, False),
        ("/é" * 999, False),
    ):
        given = visitor.get(START, application="shop", next=following).headers["set-cookie"]
        flow = json.loads(urlsafe_b64decode(given.partition("=")[2].strip('"').partition(".")[0]))
        assert flow["following"] == (following if is_in else "")
        assert len(given) < 4096  # browsers drop a larger one


def test_an_answer_counts_once_and_in_the_browser_that_asked(
    house: House, visitor: Operator
) -> None:
    victim = Operator(house.url)
    back = begun(visitor)
    nobody(victim, victim.http.get(back))  # an attacker's code makes nobody act as the attacker
    begun(victim)
    nobody(victim, victim.http.get(back))
    kept = dict(visitor.http.cookies)
    assert visitor.http.get(back).url.path == "/portal/"
    replay = Operator(house.url)
    nobody(replay, replay.http.get(back))
    replay.http.cookies.update(kept)  # state and cookie were stolen: the provider knows the code
    replay.http.cookies.delete("addressee")
    nobody(replay, replay.http.get(back))
    assert len(house.provider.exchanges) == 2


def test_a_sign_in_that_takes_too_long_or_is_altered_ends(house: House, visitor: Operator) -> None:
    back = begun(visitor)
    house.shop.clock.move(minutes=11)
    nobody(visitor, visitor.http.get(back))
    for before, after in (("x", ""), ("", "x"), ("", "\u00e9"), (".", "")):
        back = begun(visitor)
        name, cookie = cookie_of(visitor)
        visitor.http.cookies.clear()
        sent = f"{name}={before}{cookie.strip(chr(34))}{after}".encode()
        nobody(visitor, visitor.http.get(back, headers={b"cookie": sent}))


def test_one_kind_of_cookie_counts_for_no_other(visitor: Operator) -> None:
    begun(visitor)
    _, flow = cookie_of(visitor)
    assert b'"verifier"' in urlsafe_b64decode(flow.partition(".")[0])
    visitor.http.cookies.clear()
    visitor.http.cookies.set("addressee", flow)
    assert visitor.get("/").url.path == "/portal/sign-in"


def test_answers_without_a_code_and_of_another_provider_are_refused(
    visitor: Operator,
) -> None:
    for change in (
        {"code": ""},
        {"code": "", "error": "access_denied", "error_description": "<b>Call 555</b>"},
        {"iss": "https://evil.example"},
        {"state": "x"},
        {"state": ""},
        {"state": "\u00e9"},
        {"code": "made up"},
    ):
        url = begun(visitor)
        query = dict(visitor.http.build_request("GET", url).url.params)
        answer = visitor.get(CALLBACK, **{**query, **change})
        nobody(visitor, answer)
        assert "Call 555" not in answer.text


def changed(**claims: Any) -> Callable[[House, Claims], str]:  # noqa: ANN401 # any JSON
    return lambda house, usual: house.provider.token(**{**usual, **claims})


def unsigned(_: House, usual: Claims) -> str:
    return jwt.encode({**usual, "sub": "u-17"}, "", "none", {"kid": "first"})


def of_another_key(_: House, usual: Claims) -> str:
    return jwt.encode(usual, new_key(), "ES256", {"kid": "first"})


def by_the_secret(_: House, usual: Claims) -> str:
    return jwt.encode(usual, "s3cret" * 9, "HS256", {"kid": "first"})


def altered(house: House, usual: Claims) -> str:
    head, _, tail = house.provider.token(**usual).split(".")
    claims = base64url_encode(json.dumps({**usual, "groups": ["ops"]}).encode())
    return f"{head}.{claims.decode()}.{tail}"


FORGERIES: Sequence[tuple[str, Callable[[House, Claims], str]]] = (
    ("iss is another issuer", changed(iss="https://evil.example")),
    ("aud is another audience", changed(aud="addressee")),
    ("azp is another client", changed(azp="crm")),
    ("azp is another client", changed(aud=["addressee:portal", "crm"])),
    ("nonce is of another sign-in", changed(nonce="x")),
    ("nonce is of another sign-in", changed(nonce=None)),
    ("nonce is of another sign-in", changed(nonce=["x"])),
    ("nonce is of another sign-in", changed(nonce="\ud800")),
    ("nonce is of another sign-in", changed(nonce="\u00e9")),
    ("exp is in the past", changed(exp=1)),
    ("exp is missing", changed(exp=None)),
    ("iat is missing", changed(iat=None)),
    ("iat is in the future", changed(iat=3_999_999_999)),
    ("sub is missing", changed(sub=None)),
    ("sub is missing", changed(sub="u-17\nmia signed in as root")),
    ("sub is missing", changed(sub="x" * 256)),
    ("it tells of an event", changed(events={})),
    ("alg is none of", unsigned),
    ("its signature is wrong", of_another_key),
    ("alg is none of", by_the_secret),
    ("its signature is wrong", altered),
    ("it is malformed", lambda *_: "no token"),
)


def test_a_token_that_is_not_for_this_sign_in_signs_nobody_in(
    house: House, visitor: Operator
) -> None:
    visitor.get(START, application="shop")
    visitor.post("/sign-out")
    for problem, forged in FORGERIES:
        house.provider.token_of = lambda usual, forged=forged: forged(house, usual)  # type: ignore[misc] # bound now
        answer = visitor.get(START, application="shop")
        nobody(visitor, answer)
        assert problem in answer.text, problem


def test_new_keys_of_the_provider_are_found(house: House, visitor: Operator) -> None:
    for algorithm in ("RS256", "EdDSA", "ES256"):
        house.timer.now += 11
        house.provider.rotate(f"second-{algorithm}", algorithm)
        assert visitor.get(START, application="shop").url.path == "/portal/", algorithm
        visitor.post("/sign-out")
