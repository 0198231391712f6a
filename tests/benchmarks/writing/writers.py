"""Eight processes that write to one database at once."""

from __future__ import annotations

import json
import subprocess
import sys
from time import perf_counter

from addressee.adapters.sql import SqlStore
from tests.benchmarks.writing.stock import StockService

WRITERS = 8
EACH = 60

OURS = """
import json, sys
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
url, name, count = json.loads(sys.argv[1])
people = Personalization(SqlStore(url))
devices = [people.register("shop", installation=f"{name}-{n}").installation for n in range(count)]
identities = [Identity(external_id=d, emails=[f"{d}@x.com"]) for d in devices]
print("ready", flush=True)
sys.stdin.readline()
for device, identity in zip(devices, identities):
    people.personalize(device, identity, tags={"vip", "beta"})
print("done", flush=True)
"""

STOCK = """
import json, sys
from tests.benchmarks.writing.stock import StockService
environment, name, count = json.loads(sys.argv[1])
stock = StockService(environment)
pairs = [(stock.register(n), stock.create(n)) for n in range(count)]
print("ready", flush=True)
sys.stdin.readline()
for pair in pairs:
    stock.personalize(*pair)
print("done", flush=True)
"""


def our_writers(url: str) -> float:
    """Return the seconds of one sign-in when eight processes sign people in."""
    SqlStore(url).close()
    return seconds_of(OURS, url)


def stock_writers(environment: dict[str, str]) -> float:
    """Return the seconds of one stock command when eight processes give them."""
    StockService(environment).close()
    # Making its tables is nothing that eight stock processes can do at once.
    return seconds_of(STOCK, {**environment, "CREATE_TABLE": "no"})


def seconds_of(script: str, where: object) -> float:
    """Start writers, let them go when all are ready, and return the seconds a command."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, json.dumps([where, f"w{n}", EACH])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(WRITERS)
    ]
    said = [said_by(writer) for writer in writers]
    start = perf_counter()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    said += [said_by(writer) for writer in writers]
    seconds = (perf_counter() - start) / (WRITERS * EACH)
    assert said == ["ready\n"] * WRITERS + ["done\n"] * WRITERS
    for writer in writers:
        writer.communicate()
    return seconds


def said_by(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout is not None
    return writer.stdout.readline()
