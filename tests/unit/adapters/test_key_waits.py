"""Requests that wait for the keys of an identity provider are bounded in number and time."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from addressee.adapters.http.messages.error_responses import Refused
from addressee.adapters.http.security.requests_awaiting_keys import KeyWaits
from addressee.adapters.tokens.claims import KeysWanted


def test_R57_so_many_wait_for_one_set_of_keys_and_others_fail_at_once() -> None:
    running: dict[str, Future[None]] = {"slow": Future(), "other": Future()}

    async def ask() -> None:
        waits = KeyWaits(waiting=2, patience=600)
        slow = KeysWanted("slow", lambda: running["slow"])
        waiting = [asyncio.create_task(waits.wait(slow)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refused, match="more than 2 requests wait") as refused:
            await waits.wait(slow)
        assert (refused.value.status, refused.value.code) == (503, "BUSY")
        other = asyncio.create_task(waits.wait(KeysWanted("other", lambda: running["other"])))
        waiting[0].cancel()  # its client goes away; the other still waits
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(waits.wait(slow)))
        for each in running.values():
            each.set_result(None)
        await asyncio.gather(other, *waiting[1:])

    asyncio.run(ask())


def test_R57_nobody_waits_longer_than_the_bound() -> None:
    never = KeysWanted("slow", Future)
    asyncio.run(KeyWaits(waiting=2, patience=0.01).wait(never))
