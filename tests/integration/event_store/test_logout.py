"""After a logout no process finds the device any more (R19)."""

from __future__ import annotations

from addressee.adapters.sql import SqlStore
from addressee.application import Targeting
from tests.forked import PIPE, forked

MANY, ROUNDS = 10_000, 14

LOGOUTS = """
import sys
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
store = SqlStore(sys.argv[1])
people = Personalization(store)
people.register("shop", installation="tablet", os="ios")
for n, line in enumerate(sys.stdin):
    name = line.strip()
    if name:
        people.personalize("tablet", Identity(external_id=name), tags={"vip"})
    else:
        people.depersonalize("tablet")
    if n % 31 == 0:
        store.compact()
    print("done", flush=True)
store.close()
"""


def test_R19_another_process_never_finds_the_device_after_the_logout(
    url: str, *, long: bool
) -> None:
    rounds = MANY if long else ROUNDS
    with (
        SqlStore(url) as store,
        forked("-c", LOGOUTS, url, stdin=PIPE, stdout=PIPE) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        reach = Targeting(store)
        for n in range(rounds):
            person = f"p{n % 7}"
            for name, expected in ((person, 1), ("", 0)):
                process.stdin.write(f"{name}\n")
                process.stdin.flush()
                assert process.stdout.readline() == "done\n"
                assert reach.count("shop", "tag:vip and os:ios") == expected
                assert reach.count("shop", f"external_id:{person}") == expected
        process.stdin.close()
