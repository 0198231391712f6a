"""`addressee erase`: make the data of one person, or of a device, unreadable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    Erasure,
    InstallationErasure,
    Rights,
    forgotten_erasures,
    forgotten_installations,
    interrupted_erasures,
    interrupted_installations,
)
from addressee.domain import InvalidValue

from ...options.store_option import DEFAULT_STORE, Store, existing_store
from ...terminal.operator import operator
from ...terminal.output import one_line, show_json
from ...terminal.progress import long_work
from .named_person import Email, ExternalId, Msisdn, named_by, person_with


def erase(  # noqa: PLR0913 # one option for each way to name a person or a device
    store: Store = DEFAULT_STORE,
    *,
    external_id: ExternalId = None,
    msisdn: Msisdn = None,
    email: Email = None,
    person: Annotated[
        str | None, typer.Option(help="The person's id; to go on with an erasure, the only way.")
    ] = None,
    installation: Annotated[
        str | None,
        typer.Option(help="An installation's id, for what it told while nobody was signed in."),
    ] = None,
    restored: Annotated[
        bool,
        typer.Option(
            "--restored", help="All whose erasure the ledger does not know, as it was restored."
        ),
    ] = False,
    interrupted: Annotated[
        bool, typer.Option("--interrupted", help="All whose erasure has begun and is not done.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be erased, and change nothing.")
    ] = False,
) -> None:
    """Answer "delete me": make a person's data unreadable, and print the certificate as JSON.

    With --installation that is what a device told while nobody was signed in on it. It expires.

    The store must be sealed. The person is signed out everywhere and found no more, and the keys of
    the person's data are destroyed, so that backups of the ledger give nothing away either. It
    can't be undone: look at the dry run first. If it was interrupted, repeat it with --person and
    the id that it has printed first, or with --interrupted, which reads the whole ledger for such
    persons. Stores that share the key store by an import share the loss.

    After the ledger was restored from a backup, --restored rebuilds the read models and erases
    again all persons and devices that were erased since the backup; there is a line of JSON for
    each.

        addressee erase --external-id ali --dry-run --store sqlite:///day.db

        addressee erase --person 0123456789abcdef0123456789abcdef --store sqlite:///day.db
    """
    given = {"external_id": external_id, "msisdn": msisdn, "email": email, "person": person}
    found = restored or interrupted
    if found and any(value is not None for value in (*given.values(), installation)):
        option = "restored" if restored else "interrupted"
        raise InvalidValue(option, "takes no person and no installation: it finds them")
    if installation is not None and any(value is not None for value in given.values()):
        raise InvalidValue("installation", "stands alone: it names no person")
    named = None if found or installation is not None else named_by(**given)
    with existing_store(store) as ledger:
        erasing = Erasing(ledger, dry_run=dry_run)
        if named is not None:
            erasing.person(person_with(ledger, named, None))
        if installation is not None:
            erasing.installation(installation)
        if restored:
            erasing.all_forgotten()
        if interrupted:
            erasing.all_begun()
    if found:
        done = "would be erased" if dry_run else "erased"
        persons, devices = erasing.numbers
        typer.echo(f"{persons:,} persons and {devices:,} installations {done} again", err=True)


class Erasing:
    """Erases from a store, and prints what it does.

    Args:
        ledger: the store.
        dry_run: only tell.
    """

    def __init__(self, ledger: SqlStore, *, dry_run: bool) -> None:
        self._ledger, self._rights, self._dry_run = ledger, Rights(ledger), dry_run
        self._names = set[tuple[str, str]]()

    @property
    def numbers(self) -> tuple[int, int]:
        """Return how many persons and installations were erased, or would be."""
        kinds = [kind for kind, _ in self._names]
        return kinds.count("person"), kinds.count("installation")

    def person(self, name: str) -> None:
        """Erase a person; raises UnknownPerson."""
        self._erase("person", name, self._rights.erase)

    def installation(self, name: str) -> None:
        """Erase what a device told while nobody was signed in on it; raises NoRegistration."""
        self._erase("installation", name, self._rights.erase_installation)

    def all_forgotten(self) -> None:
        """Erase again what a restored ledger does not know to be erased."""
        ledger = self._ledger
        persons = forgotten_erasures(ledger)
        if not self._dry_run and (persons or forgotten_installations(ledger)):
            with long_work("rebuilding") as advance:
                Rebuild(ledger).run(lambda done: advance(done.position, done.last))
        for name in persons:
            self.person(name)
        for name in forgotten_installations(ledger):
            self.installation(name)

    def all_begun(self) -> None:
        """Go on with all erasures that were interrupted."""
        with long_work("reading the ledger") as advance:
            persons = interrupted_erasures(self._ledger, advance)
            devices = interrupted_installations(self._ledger, advance)
        for name in persons:
            self.person(name)
        for name in devices:
            self.installation(name)

    def _erase(
        self, kind: str, name: str, erase: Callable[..., Erasure | InstallationErasure]
    ) -> None:
        if (kind, name) in self._names:
            return
        self._names.add((kind, name))
        planned = erase(name, dry_run=True)  # or there is nobody to erase
        if self._dry_run:
            show_json(planned.as_json())
            return
        # For when it is interrupted: nobody has the identifier any more then.
        typer.echo(one_line(f"erasing {kind} {name}"), err=True)
        show_json(erase(name, actor=operator()).as_json())
