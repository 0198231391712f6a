"""A writer is killed at a random moment: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import random
import subprocess
import sys
import time

from addressee.adapters.sql import SqlStore
from addressee.application import Store
from addressee.domain import (
    Aggregate,
    IdentifierClaim,
    Installation,
    Person,
    installation_terms,
    person_terms,
)

KILLS, MANY_KILLS = 8, 200

WRITER = """
import random, sys
from addressee.adapters.sql import SqlStore
from addressee.application import Identity, Personalization
people = Personalization(SqlStore(sys.argv[1]))
chance = random.Random(sys.argv[2])
while True:
    device = f"d{chance.randrange(5)}"
    people.register("shop", installation=device, os="ios")
    name = f"p{chance.randrange(3)}"
    answer = people.personalize(
        device,
        Identity(external_id=name, emails=[f"{chance.randrange(10**9)}@x.com"]),
        tags={f"t{chance.randrange(4)}"},
        force_depersonalize=True,
        set_primary=chance.random() < 0.5,
    )
    print(answer.position, flush=True)
    if chance.random() < 0.5:
        print(people.depersonalize(device).position, flush=True)
"""


def test_R19_R29_R37_kill_9_leaves_whole_commands_only(url: str, long: bool) -> None:
    chance = random.Random(1)  # noqa: S311 # the same moments each time, as far as clocks go
    for round_ in range(MANY_KILLS if long else KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(round_)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [int(writer.stdout.readline())]
            time.sleep(chance.uniform(0, 0.15))
            writer.kill()
            acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
        with SqlStore(url) as store:
            positions = check_whole(store)
            assert set(acknowledged) <= positions


def check_whole(store: Store) -> set[int]:
    """Fold the ledger and compare it with the read models; return the positions it has."""
    with store.reading() as reader:
        recorded = reader.events(0, 1_000_000)
        kinds: dict[str, type[Aggregate]] = {
            kind.CATEGORY: kind for kind in (Installation, Person, IdentifierClaim)
        }
        found: dict[str, Aggregate] = {}
        for _, event in recorded:
            category, _, name = event.originator_id.partition(":")
            if category in kinds:
                found.setdefault(event.originator_id, kinds[category](name)).fold((event,))
        installations = {a.name: a for a in found.values() if isinstance(a, Installation)}
        persons = {a.name: a for a in found.values() if isinstance(a, Person)}
        claims = {a.id: a.holder for a in found.values() if isinstance(a, IdentifierClaim)}
        for name, installation in installations.items():
            owner = persons.get(installation.person or "")
            assert owner is None or name in owner.devices, "one stream knows, the other does not"
        assert reader.holders(list(claims)) == claims
        ordinals = reader.ordinals("shop", set(installations))
        assert ordinals.keys() == installations.keys()
        expected: dict[str, set[int]] = {}
        for name, installation in installations.items():
            terms = installation_terms(installation, set())
            if installation.person:
                terms |= person_terms(persons[installation.person], set())
            for term in terms:
                expected.setdefault(term, set()).add(ordinals[name])
        names = {*expected, *(f"tag:t{n}" for n in range(4)), "primary"}
        held = {
            term: set(bitmap) for term, bitmap in reader.postings("shop", names, range(1)).items()
        }
        assert {term: hits for term, hits in held.items() if hits} == expected
        owned = reader.owned("shop", set(persons))
        assert {p: set(hits) for p, hits in owned.items()} == {
            p.name: {ordinals[device] for device in p.devices}
            for p in persons.values()
            if p.devices
        }
    return {position for position, _ in recorded}
