"""Dispatchers are killed, and people log out, while pushes go out (R39, R40)."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path

from addressee.adapters.sql import SqlStore
from addressee.application import (
    Call,
    DispatchStatus,
    History,
    Identity,
    Message,
    Notifier,
    Personalization,
    SentPush,
    bulk,
)
from addressee.application.default_clock_and_ids import utc_now
from tests.forked import Process, forked
from tests.patience import PATIENCE, wait_until

WORKER = """
import sys, time
from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.application import Notifier

url, dispatch, path, batch, pause = sys.argv[1:]


class Slow(RecordingPush):
    def send(self, message, recipients):
        # Sent, and not yet recorded: the kill comes in between.
        answers = [*super().send(message, recipients)]
        time.sleep(float(pause))
        return answers


store = SqlStore(url)
Notifier(store, {"fcm": Slow(path=path)}, batch=int(batch), lease=1).run(dispatch)
"""


def test_R39_R40_nobody_twice_and_nobody_logged_out_through_kills(
    new_url: Callable[[], str], tmp_path: Path, *, long: bool
) -> None:
    """Whoever was logged out before a batch left is not in it, and outcomes are complete."""
    count, batch, kills, logouts = (100_000, 500, 20, 10_000) if long else (500, 50, 1, 40)
    url = new_url()
    devices = [f"d{n}" for n in range(count)]
    with SqlStore(url) as store, ThreadPoolExecutor(1) as threads:
        people = Personalization(store)
        for start in range(0, count, 500):
            numbers = range(start, start + 500)
            bulk(people, [register(n) for n in numbers])
            bulk(people, [login(n) for n in numbers])
        notifier = Notifier(store, {})
        made = notifier.dispatch("shop", "type:customer", Message(title="Hi"))
        returned: dict[str, datetime] = {}

        def log_out() -> None:
            for name in random.Random(1).sample(devices, logouts):  # noqa: S311 # the same ones each time
                people.depersonalize(name)
                returned[name] = utc_now()

        racing = threads.submit(log_out)
        for n in range(kills):
            path = tmp_path / f"w{n}"
            worker = start_worker(url, made.id, path, batch, pause=2 * PATIENCE)
            wait_until(partial(bytes_in, path), "a batch is sent")
            worker.kill()
            worker.wait()
        wait_until(lambda: len(returned) > 20, "some log out")
        worker = start_worker(url, made.id, tmp_path / "w-last", batch, pause=0.1)
        assert worker.wait() == 0
        racing.result()
        status = notifier.status(made.id)
        pushes = [*History(store).reached(made.id)]
    check_outcomes(sent_in(tmp_path), status, pushes, returned, devices)


def check_outcomes(  # all that there is to know
    sent: Counter[str],
    status: DispatchStatus,
    pushes: Sequence[SentPush],
    returned: Mapping[str, datetime],
    devices: Sequence[str],
) -> None:
    """Check that nobody got it twice, nobody who was logged out did, and all outcomes are there.

    Args:
        sent: how often the service got each installation's message.
        status: of the dispatch.
        pushes: those that the record has.
        returned: installation → when its logout returned.
        devices: all that were signed in before.
    """
    assert max(sent.values()) == 1, "somebody got it twice"
    assert (status.state, status.leaving, status.retry) == ("done", 0, 0)
    assert status.accepted + status.unknown == status.recipients == len(pushes)
    assert 0 < status.unknown < status.accepted
    reached = {push.installation for push in pushes}
    assert sent.keys() <= reached
    assert [push.installation for push in pushes if push.person is None] == []
    late = [each for each in pushes if each.at > returned.get(each.installation, each.at)]
    assert late == [], "somebody was logged out before the batch left"
    assert reached | returned.keys() == {*devices}
    assert len(reached) < len(devices), "nobody was logged out in time, and the test proves nothing"


def register(number: int) -> Call:
    return lambda people: people.register(
        "shop", installation=f"d{number}", push_token=f"t{number}"
    )


def login(number: int) -> Call:
    return lambda people: people.personalize(f"d{number}", Identity(external_id=f"p{number}"))


def start_worker(url: str, dispatch: str, path: Path, batch: int, *, pause: float) -> Process:
    return forked("-c", WORKER, url, dispatch, str(path), str(batch), str(pause))


def sent_in(folder: Path) -> Counter[str]:
    """Return how often each installation is in the files of workers, each of which has its own."""
    # A line that a kill has cut off was not sent.
    texts = [path.read_text() for path in folder.glob("w*")]
    lines = [line for text in texts for line in text.split("\n")[:-1]]
    return Counter(json.loads(line)["installation"] for line in lines)


def bytes_in(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
