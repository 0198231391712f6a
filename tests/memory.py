"""How much memory a script needs, by itself."""

from __future__ import annotations

import subprocess
import sys

BETWEEN = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"
"""A process begins with the peak of the one that started it; this one's is low."""
PEAK = """
import resource
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""


def printed(script: str, *arguments: str) -> int:
    """Run a script, which may call ``peak()``, in kilobytes; return the number that it prints last.

    Args:
        script: Python.
        arguments: its own, in ``sys.argv``.
    """
    command = [sys.executable, "-c", PEAK + script, *arguments]
    done = subprocess.run(
        [sys.executable, "-S", "-c", BETWEEN, *command], check=True, capture_output=True, text=True
    )
    return int(done.stdout.splitlines()[-1])
