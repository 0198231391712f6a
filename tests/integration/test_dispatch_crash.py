"""Dispatchers are killed, and people log out, while pushes go out (R39, R40)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from addressee.adapters.sql import SqlStore
from addressee.application import Call, History, Identity, Message, Notifier, Personalization, bulk

WORKER = """
import sys, time
from addressee.adapters.push import RecordingPush
from addressee.adapters.sql import SqlStore
from addressee.application import Notifier

url, dispatch, path, pause = sys.argv[1:]


class Slow(RecordingPush):
    def send(self, message, recipients):
        # Sent, and not yet recorded: the kill comes in between.
        answers = [*super().send(message, recipients)]
        time.sleep(float(pause))
        return answers


store = SqlStore(url)
Notifier(store, {"fcm": Slow(path=path)}, batch=50, lease=1).run(dispatch)
"""


def test_R39_R40_nobody_twice_and_nobody_logged_out_through_kills(
    new_url: Callable[[], str], tmp_path: Path, *, long: bool
) -> None:
    count, kills = (20_000, 20) if long else (1_000, 2)
    url, path = new_url(), tmp_path / "sent.jsonl"
    with SqlStore(url) as store:
        people = Personalization(store)
        for start in range(0, count, 500):
            numbers = range(start, start + 500)
            bulk(people, [register(n) for n in numbers])
            bulk(people, [login(n) for n in numbers])
        notifier = Notifier(store, {})
        made = notifier.dispatch("shop", "type:customer", Message(title="Hi"))
        for kill in range(kills):
            before = lines_in(path)
            worker = start_worker(url, made.id, path, pause=0.2)
            people.depersonalize(f"d{count - 1 - kill}")
            deadline = time.monotonic() + 30
            while lines_in(path) == before and time.monotonic() < deadline:
                time.sleep(0.02)
            worker.kill()
            worker.wait()
        worker = start_worker(url, made.id, path, pause=0)
        assert worker.wait(timeout=120) == 0
        status = notifier.status(made.id)
        pushes = [*History(store).reached(made.id)]
    sent = Counter(json.loads(line)["installation"] for line in path.read_text().splitlines())
    assert max(sent.values()) == 1, "somebody got it twice"
    assert status.state == "done"
    assert status.leaving == status.retry == 0
    assert status.accepted + status.unknown == status.recipients == len(pushes)
    assert 0 < status.unknown < status.accepted
    assert sent.keys() <= {push.installation for push in pushes}
    assert [push.installation for push in pushes if push.person is None] == []
    logged_out = {f"d{count - 1 - kill}" for kill in range(kills)}
    assert not logged_out & sent.keys()
    assert status.recipients == count - kills


def register(number: int) -> Call:
    return lambda people: people.register(
        "shop", installation=f"d{number}", push_token=f"t{number}"
    )


def login(number: int) -> Call:
    return lambda people: people.personalize(f"d{number}", Identity(external_id=f"p{number}"))


def start_worker(url: str, dispatch: str, path: Path, *, pause: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER, url, dispatch, str(path), str(pause)])


def lines_in(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0
