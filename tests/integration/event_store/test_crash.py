"""A writer is killed at a random moment: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import os
import random
import signal
import time

from addressee.adapters.sql import SqlStore
from addressee.application import verify
from tests.forked import PIPE, forked

KILLS, MANY_KILLS = 3, 200
GONE = "gone\n"

# Loads the library once and forks a writer for each seed that it reads.
WRITER = """
import os, random, sys
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
for seed in sys.stdin:
    if not (writer := os.fork()):
        break
    os.waitpid(writer, 0)
    print("gone", flush=True)
else:
    sys.exit()
print(os.getpid(), flush=True)
people = Personalization(SqlStore(sys.argv[1]))
chance = random.Random(seed)
while True:
    device = f"d{chance.randrange(5)}"
    people.register("shop", installation=device, os="ios")
    name = f"p{chance.randrange(3)}"
    answer = people.personalize(
        device,
        Identity(external_id=name, emails=[f"{name}.{chance.randrange(90)}@x.com"]),
        tags={f"t{chance.randrange(4)}"},
        force_depersonalize=True,
        set_primary=chance.random() < 0.5,
    )
    print(answer.position, flush=True)
    if chance.random() < 0.5:
        print(people.depersonalize(device).position, flush=True)
"""


def test_R19_R29_R37_kill_9_leaves_whole_commands_only(url: str, long: bool) -> None:
    chance = random.Random(1)  # noqa: S311 # the same moments each time, as far as clocks go
    with forked("-c", WRITER, url, stdin=PIPE, stdout=PIPE) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        for round_ in range(MANY_KILLS if long else KILLS):
            writers.stdin.write(f"{round_}\n")
            writers.stdin.flush()
            writer = int(writers.stdout.readline())
            acknowledged = [int(writers.stdout.readline())]
            time.sleep(chance.uniform(0, 0.15))
            os.kill(writer, signal.SIGKILL)
            acknowledged += map(int, iter(writers.stdout.readline, GONE))
            with SqlStore(url) as store:
                assert verify(store).differences == ()
                with store.reading() as reader:
                    positions = {position for position, _ in reader.events(0, 1_000_000)}
                assert set(acknowledged) <= positions
        writers.stdin.close()
