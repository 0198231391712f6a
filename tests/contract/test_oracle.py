"""Random lives, and an oracle of plain Python objects that scans them all (R19, R33 to R37)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addressee.adapters.memory import MemoryStore
from addressee.adapters.sql import SqlStore
from addressee.application import History, Identity, Personalization, Store, Targeting
from addressee.domain import AddresseeError, And, Expression, Not, Or, Term
from addressee.domain import audience as a
from addressee.domain.audience_text import parse
from tests.contract.conftest import INDEXED

DEVICES = [f"d{n}" for n in range(5)]
PEOPLE = ["ali", "bob", "carol"]
TAGS = ["vip", "new"]


@dataclass
class Device:
    os: str
    on: bool = True
    expired: bool = False
    itags: set[str] = field(default_factory=set[str])
    owner: str | None = None
    primary: bool = False


@dataclass
class World:
    """What the product should believe, in the simplest form there is."""

    devices: dict[str, Device] = field(default_factory=dict[str, Device])
    tags: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def leave(self, name: str) -> None:
        device = self.devices[name]
        device.owner, device.primary, device.itags = None, False, set()

    def holds(self, term: Term, name: str) -> bool:
        device = self.devices[name]
        match term.field:
            case "tag":
                return device.owner is not None and term.value in self.tags[device.owner]
            case "itag":
                return term.value in device.itags
            case "os":
                return term.value == device.os
            case "external_id":
                return term.value == device.owner
            case "installation":
                return term.value == name
            case "primary":
                return device.primary
            case _:
                return True

    def reaches(self, expression: Expression, name: str) -> bool:
        match expression:
            case Term():
                return self.holds(expression, name)
            case And(parts):
                return all(self.reaches(part, name) for part in parts)
            case Or(parts):
                return any(self.reaches(part, name) for part in parts)
            case Not(part):
                return not self.reaches(part, name)
            case _:
                raise AssertionError

    def found(self, expression: Expression) -> list[str]:
        live = (name for name, device in self.devices.items() if device.on and not device.expired)
        return [name for name in live if self.reaches(expression, name)]


def step(chance: random.Random, world: World, people: Personalization) -> None:
    """Give one random command, and do the same to the world."""
    name, person, tag = chance.choice(DEVICES), chance.choice(PEOPLE), chance.choice(TAGS)
    device = world.devices.get(name)
    if device is None:
        os = chance.choice(["ios", "android"])
        people.register("shop", installation=name, os=os)
        world.devices[name] = Device(os)
        return
    if device.expired:
        with pytest.raises(AddresseeError):
            people.touch(name)
        return
    match chance.randrange(8):
        case 0 | 1:
            people.personalize(name, Identity(external_id=person), force_depersonalize=True)
            world.tags.setdefault(person, set())
            if device.owner != person:
                world.leave(name) if device.owner else None
                device.owner = person
        case 2:
            people.depersonalize(name)
            world.leave(name) if device.owner else None
        case 3 if device.owner:
            people.set_primary(name)
            for other in world.devices.values():
                other.primary = other.primary and other.owner != device.owner
            device.primary = True
        case 4 if device.owner:
            people.update_person(name, tags={tag})
            world.tags[device.owner] = {tag}
        case 5:
            people.tag_installation(name, add={tag})
            device.itags.add(tag)
        case 6:
            device.on = not device.on
            people.update_installation(name, push_enabled=device.on)
        case 7 if chance.random() < 0.2:
            people.expire(name, "unregistered")
            world.leave(name)
            device.expired = True
        case _:
            pass


def audience(chance: random.Random, depth: int = 3) -> Expression:
    """Return a random expression."""
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(
            [
                a.tag(chance.choice(TAGS)),
                a.itag(chance.choice(TAGS)),
                a.os(chance.choice(["ios", "android"])),
                a.external_id(chance.choice(PEOPLE)),
                a.installation(chance.choice(DEVICES)),
                a.primary,
                a.everyone,
            ]
        )
    left, right = audience(chance, depth - 1), audience(chance, depth - 1)
    return chance.choice([left & right, left | right, ~left])


def parse_term(text: str) -> Term:
    term = parse(text)
    assert isinstance(term, Term)
    return term


def live(store: Store, seed: int, steps: int) -> None:
    chance = random.Random(seed)  # noqa: S311 # the same life for the same seed
    people, reach, history, world = (
        Personalization(store),
        Targeting(store),
        History(store),
        World(),
    )
    for _ in range(steps):
        step(chance, world, people)
        for _ in range(3):
            asked = audience(chance)
            expected = world.found(asked)
            by_registration = list(world.devices)
            assert list(reach.targets("shop", asked)) == expected
            assert reach.count("shop", str(asked)) == len(expected)
            assert reach.preview("shop", asked, 2) == expected[:2]
            name = chance.choice(by_registration)
            told = reach.explain("shop", asked, installation=name)
            assert told.reached == (name in expected)
            if not world.devices[name].expired:
                assert all(t.holds == world.holds(parse_term(t.term), name) for t in told.terms)
        for name, device in world.devices.items():
            assert (history.who(name) is None) == (device.owner is None)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_R37_memory_believes_what_the_oracle_believes(seed: int) -> None:
    live(MemoryStore(indexed_attributes=INDEXED), seed, 30)


@pytest.mark.parametrize("seed", range(8))
def test_R37_sqlite_believes_what_the_oracle_believes(seed: int, tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        live(store, seed, 30)


@pytest.mark.parametrize("seed", range(3))
def test_R37_compaction_changes_no_answer(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addressee.adapters.sql.compaction.COMPACT_AT", 7)
    with SqlStore(f"sqlite:///{tmp_path}/ledger.db") as store:
        live(store, 100 + seed, 30)
