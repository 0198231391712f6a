"""`addressee rewrap`: wrap the keys of sealed data by a new wrapping key."""

from __future__ import annotations

from typing import Annotated

import typer

from addressee.domain import InvalidValue

from ...terminal.keys_option import FILE, URL, given_keys
from ...terminal.output import show_json
from ...terminal.progress import KEYS, long_work


def rewrap(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count the keys that are to be wrapped.")
    ] = False,
) -> None:
    """Wrap the keys of sealed personal data by the newest wrapping key; print the numbers as JSON.

    The file that ADDRESSEE_WRAPPING_KEY names has the new key on its first line and the earlier
    ones below. Give it to every process before; afterwards the earlier ones can go. No event
    changes, and commands may run meanwhile. If it was interrupted, repeat it: it goes on.

        addressee rewrap --dry-run
    """
    with given_keys() as keys:
        if keys is None:
            raise InvalidValue("keys", f"need {URL} and {FILE}")
        total = keys.wrapped_by_others()
        if dry_run:
            show_json({"wrapped": 0, "left": total})
            return
        with long_work("wrapping", KEYS) as advance:
            done = keys.rewrap(lambda wrapped: advance(wrapped, total))
        show_json({"wrapped": done, "left": keys.wrapped_by_others()})
