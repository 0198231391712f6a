"""The operator who runs a command, as the ledger names the author of what it does."""

from __future__ import annotations

import getpass


def operator() -> str:
    """Return the actor ``operator:ACCOUNT``, by the account that runs the command.

    It is ``operator`` alone where the account has no name, as in some containers.
    """
    try:
        return f"operator:{getpass.getuser()}"
    except (ImportError, KeyError, OSError):
        return "operator"
