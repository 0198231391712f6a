"""Bounds on the load of a process: fair, and released by whoever gives up."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from functools import partial

import pytest

from addressee.adapters.http.load.bodies import Bodies, BoundedBody
from addressee.adapters.http.load.places import Places
from addressee.adapters.http.load.rates import Rates
from addressee.adapters.http.load.share import Share
from addressee.adapters.http.messages.error_responses import Refused
from addressee.adapters.http.messages.json_body import USUAL, RequestBody
from addressee.adapters.http.middleware.failure_log import FailureLog
from addressee.adapters.http.service_context import ServiceContext
from addressee.adapters.memory import MemoryStore
from addressee.domain import LimitExceeded, limits
from tests.patience import PATIENCE

SHOP, KEY, BANK = Share("shop", "device"), Share("shop", "backend"), Share("bank", "device")


def places(total: int = 2, waiting: int = 3, patience: float = 30) -> Places:
    device = max(1, total // 2)
    return Places(total, backend=total, device=device, waiting=waiting, patience=patience)


async def blocked(
    pool: Places, share: Share, count: int
) -> tuple[Callable[[], None], list[asyncio.Task[None]]]:
    """Start requests that run until a function is called; return it and their tasks."""
    go, started = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        started.release()
        assert go.wait(PATIENCE)

    tasks = [asyncio.create_task(pool.run(share, work)) for _ in range(count)]
    for _ in range(count):
        await asyncio.to_thread(started.acquire)
    return go.set, tasks


def test_R57_devices_leave_places_and_keys_come_first() -> None:
    async def scene() -> list[str]:
        pool, order = places(), list[str]()
        end, running = await blocked(pool, SHOP, 1)
        waits = asyncio.create_task(pool.run(SHOP, lambda: order.append("device")))
        await asyncio.sleep(0)
        # The devices of a shop have one place of two: another's and a key's do not wait for them.
        await pool.run(BANK, lambda: order.append("bank"))
        await pool.run(KEY, lambda: order.append("key"))
        more_end, more = await blocked(pool, KEY, 1)
        queued = [
            asyncio.create_task(pool.run(share, partial(order.append, "".join(share))))
            for share in (BANK, KEY)
        ]
        await asyncio.sleep(0)
        end()
        # One place is left, so that they run one after another.
        await asyncio.gather(*running, waits, *queued)
        more_end()
        await asyncio.gather(*more)
        return order

    order = asyncio.run(scene())
    assert order[:2] == ["bank", "key"]
    assert order.index("shopbackend") < order.index("bankdevice")


def test_R57_too_many_that_wait_fail_at_once_and_the_others_in_time() -> None:
    async def scene() -> tuple[list[int], int]:
        pool = places(waiting=2, patience=0.2)
        end, running = await blocked(pool, SHOP, 1)
        tries = [asyncio.create_task(pool.run(SHOP, lambda: 1)) for _ in range(5)]
        refused = await asyncio.gather(*tries, return_exceptions=True)
        end()
        await asyncio.gather(*running)
        return [e.status for e in refused if isinstance(e, Refused)], await pool.run(SHOP, int)

    assert asyncio.run(scene()) == ([503, 503, 429, 429, 429], 0)


def test_a_request_that_is_given_up_takes_no_place() -> None:
    async def scene() -> int:
        pool = places()
        end, running = await blocked(pool, SHOP, 1)
        gone = asyncio.create_task(pool.run(SHOP, lambda: 1))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        end()
        await asyncio.gather(*running)
        return await asyncio.wait_for(pool.run(SHOP, lambda: 2), PATIENCE)

    assert asyncio.run(scene()) == 2


def test_an_error_gives_the_place_back() -> None:
    async def scene() -> None:
        pool = places()
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await pool.run(SHOP, lambda: 1 // 0)

    asyncio.run(scene())


def test_devices_do_not_use_up_the_rate_of_keys() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    for _ in range(2):
        rates.take(SHOP, 2)
    with pytest.raises(Refused) as refused:
        rates.take(SHOP, 2)
    assert refused.value.status == 429
    rates.take(KEY, 2)
    rates.take(BANK, None)
    now[0] = 0.5
    rates.take(SHOP, 2)


def body_of(bodies: Bodies, *chunks: bytes, wait: float = 0) -> BoundedBody:
    left = list(chunks)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(wait)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return BoundedBody(receive, bodies)


async def received(body: BoundedBody) -> int:
    size, more = 0, True
    while more:
        message = await body()
        size += len(message["body"])
        more = message["more_body"]
    return size


def test_a_body_of_exactly_the_limit_is_taken_and_one_more_byte_is_not() -> None:
    bodies = Bodies(limit=10)
    assert asyncio.run(received(body_of(bodies, b"12345", b"67890"))) == 10
    for chunks in ((b"12345", b"678901"), (b"12345678901",)):
        with pytest.raises(Refused) as refused:
            asyncio.run(received(body_of(bodies, *chunks)))
        assert refused.value.status == 413


def test_R57_a_body_that_does_not_arrive_is_given_up() -> None:
    with pytest.raises(Refused) as refused:
        asyncio.run(received(body_of(Bodies(seconds=0.05), b"1", b"2", wait=0.04)))
    assert refused.value.status == 408


def test_R57_large_bodies_wait_while_others_fill_the_memory() -> None:
    bodies = Bodies(memory=100_000)
    held = body_of(bodies, b"x" * 90_000)
    assert asyncio.run(received(held)) == 90_000
    with pytest.raises(Refused) as refused:
        asyncio.run(received(body_of(bodies, b"x" * 70_000)))
    assert (refused.value.status, refused.value.code) == (503, "BUSY")
    assert asyncio.run(received(body_of(bodies, b"small"))) == 5
    bodies.held = 90_000
    held.release()
    assert bodies.held == 0
    assert asyncio.run(received(body_of(bodies, b"x" * 70_000))) == 70_000


def test_causes_are_logged_once_a_second_with_the_number_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    log = FailureLog(logging.getLogger("addressee"), lambda: now[0])
    with caplog.at_level(logging.WARNING, "addressee"):
        for request in ("a", "b", "c"):
            log.report("STORE_UNAVAILABLE", "the server closed the connection", request)
        log.report("STORE_DAMAGED", "event 1", "d")
        now[0] = 1.0
        log.report("STORE_UNAVAILABLE", "the server closed the connection", "e")
    assert [record.getMessage() for record in caplog.records] == [
        "request a: STORE_UNAVAILABLE: the server closed the connection",
        "request d: STORE_DAMAGED: event 1",
        "request e: STORE_UNAVAILABLE: the server closed the connection (and 2 more before)",
    ]


def test_R57_large_bodies_run_in_places_of_their_own() -> None:
    service = ServiceContext(MemoryStore(), MemoryStore().applications)
    usual, large = RequestBody(b"{}".ljust(USUAL)), RequestBody(b"{}".ljust(USUAL + 1))
    for places_of in (service.writers, service.readers):
        assert service.places_for(places_of, None) is places_of
        assert service.places_for(places_of, usual) is places_of
        assert service.places_for(places_of, large) is service.large


@pytest.mark.parametrize("text", ["a", ',,"\\', '\\",'])
def test_R57_the_values_of_a_body_are_counted_without_its_texts(text: str) -> None:
    names = {f"{n}{text}": text * n for n in range(300)}
    most: dict[str, object] = {**names, "list": [0] * (limits.JSON_VALUES - len(names))}
    assert RequestBody(json.dumps(most).encode()).json() == most
    with pytest.raises(LimitExceeded, match=f"{limits.JSON_VALUES + 1}"):
        RequestBody(json.dumps({**most, "one": "more"}).encode()).json()
