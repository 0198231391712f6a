"""A tenth of all persons are erased: the ledger is whole, and nobody else has lost anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from addressee.adapters.keys import SqlKeyStore
from addressee.adapters.ledger_files import opened_sink, opened_source
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.application import (
    History,
    Identity,
    Personalization,
    Personalized,
    Profiles,
    Rights,
    Targeting,
    bulk,
    export_ledger,
    import_ledger,
    verify,
)
from addressee.application.bulk import Call
from addressee.domain import UnknownPerson
from tests.contract.merges.test_lives import shown
from tests.integration.sealing.conftest import WRAPPING

EACH = 10
"""So many persons share a tablet, and one of them is erased."""
ASKED = 50
"""Of about so many erased persons, and as many others, the past is asked."""
PAGE = 500
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
MARK = re.compile("<([0-9]+)>")
"""What every value of a person has, with the person's number."""


def calls(number: int) -> Iterator[Call]:
    """Yield the calls of one person, who signs in on a phone and then on the shared tablet."""
    phone, tablet = f"phone{number}", f"tablet{number // EACH}"
    identity = Identity(f"id<{number}>", emails=[f"p{number}@x.com"])
    if number % EACH == 0:
        yield lambda p: p.register("shop", installation=tablet, os="ios")
    yield lambda p: p.register("shop", installation=phone, device_name=f"phone<{number}>")
    yield lambda p: p.personalize(phone, identity, {"first_name": f"<{number}>"}, [f"t<{number}>"])
    yield lambda p: p.personalize(tablet, identity, force_depersonalize=True)
    yield lambda p: p.update_installation(tablet, device_name=f"tablet of <{number}>")


class Town:
    """Persons who have lived.

    Attributes:
        persons: their ids.
        moments: the position at which each had the tablet.
    """

    def __init__(self, store: SqlStore, size: int) -> None:
        seconds = count()
        people = Personalization(store, clock=lambda: START + timedelta(seconds=next(seconds)))
        self.persons: list[str] = []
        self.moments: list[int] = []
        for first in range(0, size, PAGE):
            numbers = range(first, min(first + PAGE, size))
            told = bulk(people, [call for n in numbers for call in calls(n)])
            assert not [each for each in told if isinstance(each, Exception)]
            signed_in = [each for each in told if isinstance(each, Personalized)][1::2]
            self.persons += [each.person for each in signed_in]
            self.moments += [each.position for each in signed_in]
            assert store.seal() is not None


def told(store: SqlStore) -> set[int]:
    """Return the numbers of all persons of whom a ledger says anything."""
    with store.auditing() as audit:
        text = repr(audit.events(0, audit.last()))
    return {int(number) for number in MARK.findall(text)}


def seals(store: SqlStore) -> list[bytes]:
    """Return the digests of all seals of a ledger."""
    with store.auditing() as audit:
        return [seal.digest for seal in audit.seals(0, 10_000)]


def exported(store: SqlStore, path: Path) -> bytes:
    export_ledger(store, partial(opened_sink, path), with_key=True)
    return path.read_bytes()


def test_R50_a_tenth_of_all_persons_is_erased_and_all_else_stays(
    tmp_path: Path, *, long: bool
) -> None:
    size = 10_000 if long else 60
    gone, everybody = {*range(0, size, EACH)}, {*range(size)}
    with (
        SqlKeyStore(f"sqlite:///{tmp_path}/keys.db", wrapping_key=WRAPPING) as keys,
        SqlStore(f"sqlite:///{tmp_path}/ledger.db", keys=keys) as store,
    ):
        town = Town(store, size)
        before, reach, history = store.last(), Targeting(store), History(store)
        sealed = seals(store)
        assert told(store) == everybody
        rights, people = Rights(store), Personalization(store)
        for number in gone:
            assert rights.erase(town.persons[number]).done
        assert told(store) == everybody - gone

        checked = verify(store)
        assert checked.differences == ()
        assert checked.sealed == before
        assert seals(store) == sealed

        live = shown(store)
        Rebuild(store).run()
        assert shown(store) == live

        first = exported(store, tmp_path / "first.jsonl")
        with SqlStore(f"sqlite:///{tmp_path}/copy.db", keys=keys) as copy:
            with opened_source(tmp_path / "first.jsonl") as source:
                import_ledger(copy, source)
            assert exported(copy, tmp_path / "second.jsonl") == first
            assert verify(copy).differences == ()
            assert told(copy) == everybody - gone

        then = reach.as_of(before)
        assert then.count("shop", "all") == size + size // EACH
        profiles = Profiles(store)
        asked = sorted(gone)[:: max(len(gone) // ASKED, 1)]
        for number in (n + other for n in asked for other in (0, 1)):
            person, here = town.persons[number], number not in gone
            assert history.who(f"phone{number}", START + timedelta(days=1)) == person
            tablet = f"tablet{number // EACH}"
            [at] = [
                event.timestamp
                for position, event in history.installation(tablet, after=town.moments[number] - 9)
                if position <= town.moments[number] and getattr(event, "person", None) == person
            ]
            assert history.who(tablet, at) == person
            tagged = [*then.targets("shop", f'tag:"t<{number}>"')]
            assert tagged == ([f"phone{number}"] if here else [])
            found = profiles.find(Identity(f"id<{number}>"))
            assert (found is not None and found.name == person) == here
            if not here:
                with pytest.raises(UnknownPerson):
                    profiles.person(person)
        assert people.register("shop").position > before
