"""A disk that takes longer: a library that the system loads before the C library.

Some machines tell that data is on the disk before it is: a flush takes 0.06 ms then, and a commit
waits for nothing. On most disks that outlive a loss of power it takes a millisecond or more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#define LATE(name) int name(int file) { \\
    int (*own)(int) = dlsym(RTLD_NEXT, #name); \\
    struct timespec late = {0, NANOSECONDS}; \\
    nanosleep(&late, 0); \\
    return own(file); \\
}
LATE(fdatasync)
LATE(fsync)
"""
LIBRARY = "slow_disk.so"
LOADED_FIRST = "LD_PRELOAD"


def is_slow() -> bool:
    """Whether this process was started by `run_again`."""
    return LIBRARY in os.environ.get(LOADED_FIRST, "")


def run_again(flush: float) -> int:
    """Run this command again with each flush made longer, servers that it starts included.

    Args:
        flush: milliseconds that are added to each flush.

    Returns:
        the exit status of that run.

    Raises:
        SystemExit: there is no C compiler, or it is not Linux.
    """
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / LIBRARY
        nanoseconds = f"-DNANOSECONDS={round(flush * 1e6)}"
        options = ("-shared", "-fPIC", "-x", "c", nanoseconds, "-o", str(library), "-", "-ldl")
        try:
            subprocess.run(["cc", *options], input=SOURCE.encode(), check=True)  # noqa: S607 # wherever it is
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"--flush needs a C compiler, and Linux: {error}") from None
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        others = os.environ.get(LOADED_FIRST, "")
        environment = {**os.environ, LOADED_FIRST: f"{library} {others}".strip()}
        return subprocess.run(sys.orig_argv, env=environment, check=False).returncode
