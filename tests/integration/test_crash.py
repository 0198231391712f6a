"""A writer is killed at a random moment: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import random
import subprocess
import sys
import time

from addressee.adapters.sql import SqlStore
from addressee.application import verify

KILLS, MANY_KILLS = 8, 200

WRITER = """
import random, sys
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
people = Personalization(SqlStore(sys.argv[1]))
chance = random.Random(sys.argv[2])
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
    for round_ in range(MANY_KILLS if long else KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(round_)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [int(writer.stdout.readline())]
            time.sleep(chance.uniform(0, 0.15))
            writer.kill()
            acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
        with SqlStore(url) as store:
            assert verify(store).differences == ()
            with store.reading() as reader:
                positions = {position for position, _ in reader.events(0, 1_000_000)}
            assert set(acknowledged) <= positions
