"""`addressee rewrap` and `addressee rekey`: a new wrapping key, and a new identifier key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from addressee.application import rekey as replace_key
from addressee.domain import InvalidValue

from ...options.sealing_keys_from_environment import FILE, URL, given_keys
from ...options.store_option import DEFAULT_STORE, Store, existing_store
from ...terminal.identifier_key_file import read_key
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


def rekey(
    store: Store = DEFAULT_STORE,
    *,
    key_file: Annotated[
        Path | None,
        typer.Option(
            help="A file with the new key, 16 to 64 random bytes in hexadecimal digits; by default "
            "the store makes one and keeps it."
        ),
    ] = None,
    old_key_file: Annotated[
        Path | None,
        typer.Option(help="A file with the present key, where your service gives it to the store."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would change, and change nothing.")
    ] = False,
) -> None:
    """Replace the identifier key; print the numbers as JSON.

    The key names the streams of identifiers and push tokens. Whoever has it can test whether the
    ledger ever knew a given number, that of an erased person too. All identifiers that can be read
    go on under the new key, with their past; those of erased persons (`forgotten`) stay under the
    old one, and once that is destroyed nobody finds them by trying.

    Stop your services first, and start them afterwards: commands wait meanwhile, and a process that
    has the store open with the old key fails from then on (IDENTIFIER_KEY_OUTDATED). It is one
    transaction: if it was interrupted, nothing has changed. Idempotency keys from before are
    forgotten. Then write the new key to where you keep it (`addressee export --key-file`), destroy
    the old one, and delete backups of the database from before, which hold it.

        addressee rekey --dry-run --store sqlite:///day.db

        openssl rand -hex 32 > new.key && addressee rekey --key-file new.key --store sqlite:///day.db
    """
    new = None if key_file is None else read_key(key_file)
    old = None if old_key_file is None else read_key(old_key_file)
    with existing_store(store, old) as ledger, long_work("renaming") as advance:
        done = replace_key(ledger, new, dry_run=dry_run, progress=advance)
    show_json(done.as_json())


COMMANDS = (rewrap, rekey)
