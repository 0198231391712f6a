"""A writer is killed at a random moment: nothing acknowledged is lost, nothing is half there.

In every other round it has eight threads, whose commands share transactions.
"""

from __future__ import annotations

import os
import random
import signal
import time

from addressee.adapters.sql import SqlStore
from addressee.application import verify
from tests.forked import PIPE, forked

KILLS, MANY_KILLS = 2, 200
THREADS = 8
GONE = "gone\n"

# Loads the library once and forks a writer for each seed and number of threads that it reads.
WRITER = """
import os, random, sys
from concurrent.futures import ThreadPoolExecutor
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
for line in sys.stdin:
    seed, threads = map(int, line.split())
    if not (writer := os.fork()):
        break
    os.waitpid(writer, 0)
    print("gone", flush=True)
else:
    sys.exit()
print(os.getpid(), flush=True)
people = Personalization(SqlStore(sys.argv[1]))
def acknowledge(answer):
    os.write(1, b"%d\\n" % answer.position)
def live(thread):
    chance = random.Random(8 * seed + thread)
    while True:
        device = f"d{chance.randrange(5)}"
        people.register("shop", installation=device, os="ios")
        name = f"p{chance.randrange(3)}"
        acknowledge(people.personalize(
            device,
            Identity(external_id=name, emails=[f"{name}.{chance.randrange(90)}@x.com"]),
            tags={f"t{chance.randrange(4)}"},
            force_depersonalize=True,
            set_primary=chance.random() < 0.5,
        ))
        if chance.random() < 0.5:
            acknowledge(people.depersonalize(device))
with ThreadPoolExecutor(threads) as pool:
    for failed in pool.map(live, range(threads)):
        pass
"""


def test_R19_R29_R37_kill_9_leaves_whole_commands_only(url: str, long: bool) -> None:
    chance = random.Random(1)  # noqa: S311 # the same moments each time, as far as clocks go
    with forked("-c", WRITER, url, stdin=PIPE, stdout=PIPE) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        for round_ in range(MANY_KILLS if long else KILLS):
            writers.stdin.write(f"{round_} {1 if round_ % 2 else THREADS}\n")
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
