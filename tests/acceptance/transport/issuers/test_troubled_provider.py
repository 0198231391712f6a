"""A provider that is slow, down, or asked for unknown keys, stops nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import jwt

from tests.acceptance.transport.conftest import FAR, code_of
from tests.patience import PATIENCE, wait_until

from .conftest import IssuerWorld


def test_keys_that_rotate_on_the_way_are_followed(world: IssuerWorld) -> None:
    device, provider = world.register(), world.provider
    provider.rotate("monday")
    old = provider.token()
    assert world.sign_in(device, old).is_success
    provider.rotate("tuesday", "EdDSA")
    world.now += 10
    assert world.sign_in(device, provider.token()).is_success
    assert code_of(world.sign_in(device, old)) == "UNAUTHORIZED"
    assert provider.asked == ["/keys"] * 2


KIDS = ("../../../etc/passwd", "/dev/random", "file:///etc/passwd", "http://127.0.0.1/", "\0", "")


def test_unknown_keys_cause_one_fetch_and_reach_no_path(world: IssuerWorld, long: bool) -> None:
    device, provider = world.register(), world.provider
    provider.rotate("known")
    claims = {"iss": provider.url, "aud": "shop-app", "sub": "ali", "exp": FAR}
    key = provider.keys["known"][1]
    rounds = 10_000 if long else 300
    kids = [*KIDS, *(f"unknown-{n}" for n in range(rounds - len(KIDS)))]
    forged = [jwt.encode(claims, key, "ES256", {"kid": kid}) for kid in kids]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda token: world.sign_in(device, token), forged))
    assert {each.status_code for each in answers} == {401}
    assert provider.asked == ["/keys"]
    assert world.sign_in(device, provider.token()).is_success
    assert provider.asked == ["/keys"]


def test_a_slow_provider_holds_up_its_own_newcomers_alone(world: IssuerWorld) -> None:
    device, known, slow = world.register(), world.provider.token(), world.other
    assert world.sign_in(device, known).is_success
    theirs, goes_on = world.register("other"), Event()
    slow.before = lambda: goes_on.wait(PATIENCE)
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(world.sign_in, theirs, slow.token()) for _ in range(8)]
        wait_until(lambda: slow.asked, "the slow provider is asked")
        for n in range(3):
            assert world.http.get("/v1/health").is_success
            assert world.http.get("/v1/ready").is_success
            assert world.sign_in(device, known).is_success
            newcomer = world.provider.token(f"new-{n}")
            assert world.sign_in(world.register(), newcomer, f"new-{n}").is_success
        assert not any(each.done() for each in waiting)
        goes_on.set()
        assert {each.result(PATIENCE).status_code for each in waiting} == {200}
    assert slow.asked == ["/keys"]


def test_sdks_try_again_while_nobody_knows_whether_a_token_is_good(world: IssuerWorld) -> None:
    device, provider = world.register(), world.provider
    provider.rotate("new")
    provider.status = 500
    for _ in range(3):
        refused = world.sign_in(device, provider.token())
        assert (refused.status_code, refused.content) == (503, b"{}")
        assert refused.headers["retry-after"]
    provider.status = 200
    world.now += 10
    assert world.sign_in(device, provider.token()).is_success
    assert provider.asked == ["/keys"] * 2
