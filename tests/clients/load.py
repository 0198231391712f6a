"""Load from processes of their own: threads of the tests would delay it, and its clock."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.command_line import run
from tests.servers.http import Served

FLOOD = """
import collections, json, socket, sys, threading
from urllib.parse import urlsplit
address = urlsplit(sys.argv[1])
requests = json.load(sys.stdin)
statuses = collections.Counter()
gate = threading.Barrier(len(requests))

def send(method, path, body, caller):
    content = body.encode()
    head = (
        f"{method} {path} HTTP/1.1\\r\\nHost: flood\\r\\nAuthorization: App {caller}\\r\\n"
        f"Connection: close\\r\\nContent-Length: {len(content)}\\r\\n\\r\\n"
    ).encode()
    with socket.create_connection((address.hostname, address.port), timeout=120) as connection:
        gate.wait()
        connection.sendall(head + content)
        answer = b""
        while received := connection.recv(1 << 16):
            answer += received
    statuses[answer[9:12].decode()] += 1

threads = [threading.Thread(target=send, args=each) for each in requests]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(statuses))
"""


class Request(NamedTuple):
    """One request.

    Args:
        caller: the application code or API key that it comes with.
    """

    method: str
    path: str
    body: str
    caller: str


def flooded(served: Served, requests: Iterable[Request]) -> Mapping[str, int]:
    """Send requests all at once; return how many got each status."""
    done = run("-c", FLOOD, served.url, folder=Path.cwd(), given=json.dumps([*requests]))
    assert done.returncode == 0, done.stderr
    return Counter[str](json.loads(done.stdout))


def kilobytes(process: int, name: str) -> int:
    """Return a figure of a process's memory, such as VmRSS."""
    status = Path(f"/proc/{process}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1])


def forget_peak(process: int) -> int:
    """Have VmHWM, the peak of a process's memory, start again; return its memory in kilobytes."""
    Path(f"/proc/{process}/clear_refs").write_text("5")
    return kilobytes(process, "VmRSS")


def processor_seconds(process: int) -> float:
    """Return the processor time that a process has used, with all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
