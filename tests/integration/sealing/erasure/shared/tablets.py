"""Tablets that several persons use, and what each of them has told, kept beside the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from addressee.application import Erasure, Identity, Personalization, Profiles, Rights
from addressee.application.unit_of_work.repository import AggregateRepository
from addressee.domain import Installation
from tests.contract.rights.archive import Archive
from tests.integration.sealing.erasure.conftest import Sealed

NAMING = frozenset({"device_name", "application_user_id"})
NUMBERS = count(1)
"""For values of which there is one each."""


def number() -> str:
    return f"zq{next(NUMBERS):06}zq"


class Told:
    """A value, and whose it is; nobody's where that can't be told."""

    def __init__(self, value: str, owner: str | None) -> None:
        self.value = value
        self.owner = owner


class Tablet:
    """An installation as it should be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.holder: str | None = None
        self.early: list[Told] | None = []
        """What it told before anybody was signed in; None once somebody was."""
        self.facts: dict[str, Told] = {}
        self.attributes: dict[str, Told] = {}
        self.tags: list[Told] = []


class Tablets:
    """Some tablets and people in a sealed store."""

    def __init__(self, store: Sealed, tablets: int, people: int) -> None:
        self.store = store
        self.people = Personalization(store)
        self.rights = Rights(store, self.people)
        self.start = store.settled()
        self.words = [number() for _ in range(people)]
        self.persons: dict[int, str] = {}
        self.erased: list[str] = []
        self.values: list[Told] = []
        """What says something of a person, or may."""
        self.other: list[Told] = []
        """What says something of a device."""
        self.tablets = [self._registered() for _ in range(tablets)]

    def _registered(self) -> Tablet:
        tablet = Tablet(number())
        name, token = self._value(tablet), self._value(tablet, of_device=True)
        self.people.register(
            "shop", installation=tablet.name, device_name=name.value, push_token=token.value
        )
        tablet.facts = {"device_name": name, "push_token": token}
        return tablet

    def _value(self, tablet: Tablet, *, of_device: bool = False) -> Told:
        told = Told(number(), tablet.holder)
        if tablet.early is not None:
            tablet.early.append(told)
        (self.other if of_device else self.values).append(told)
        return told

    def sign_in(self, at: int, who: int) -> None:
        tablet, word = self.tablets[at], self.words[who]
        emails = [f"{word}@x.com", f"{word}@y.com"]
        person = self.people.personalize(
            tablet.name, Identity(word, emails=emails), {"name": word}, force_depersonalize=True
        ).person
        if person != tablet.holder:
            self._left(tablet)
        if who not in self.persons:
            self.persons[who] = person
            self.values.append(Told(word, person))
        assert self.persons[who] == person
        for each in tablet.early or ():
            each.owner = person
        tablet.holder, tablet.early = person, None

    def sign_out(self, at: int) -> None:
        self.people.depersonalize(self.tablets[at].name)
        self._left(self.tablets[at])

    def _left(self, tablet: Tablet) -> None:
        if tablet.holder is not None:
            tablet.holder = None
            tablet.attributes, tablet.tags = {}, []

    def tell(self, at: int, fact: str) -> None:
        tablet = self.tablets[at]
        told = self._value(tablet, of_device=fact not in NAMING)
        self.people.update_installation(tablet.name, **{fact: told.value})  # type: ignore[arg-type] # facts are strings here
        tablet.facts[fact] = told

    def take_back(self, at: int, fact: str) -> None:
        tablet = self.tablets[at]
        self.people.update_installation(tablet.name, **{fact: None})  # type: ignore[arg-type] # likewise
        tablet.facts.pop(fact, None)

    def mark(self, at: int) -> None:
        tablet = self.tablets[at]
        colour, tag = self._value(tablet), self._value(tablet)
        self.people.update_installation(tablet.name, attributes={"colour": colour.value})
        self.people.tag_installation(tablet.name, add={tag.value})
        tablet.attributes["colour"] = colour
        tablet.tags.append(tag)

    def erase(self, who: int, *, planned: bool = True) -> None:
        """Erase a person, who may come back as another one; ``planned`` is with a dry run."""
        if (person := self.persons.pop(who, None)) is None:
            return
        self.words[who] = number()
        self.erased.append(person)
        for tablet in self.tablets:
            if tablet.holder == person:
                self._left(tablet)
            tablet.facts = {
                name: told for name, told in tablet.facts.items()
                if name not in NAMING or told.owner != person
            }  # fmt: skip
        if planned:
            erased_as_planned(self.rights, person)
        else:
            self.rights.erase(person)

    def erase_again(self) -> None:
        """Erase all again who are erased."""
        for person in self.erased:
            erased_as_planned(self.rights, person)

    def is_right(self, *, exact: bool = True) -> None:
        """Check all that the store shows.

        Args:
            exact: whether all that nobody erased has to be there, or is lost where an earlier
                release has put it under the key of what is erased.
        """
        archives = {who: Archive(self.rights.of(person, addresses=True)).files.values()
                    for who, person in self.persons.items()}  # fmt: skip
        for who, person in self.persons.items():
            told = {each.value for each in (*self.values, *self.other) if each.owner == person}
            found = self._found(b"".join(archives[who]).decode())
            assert found <= told, "another person's"
            assert found == told or not exact, "what was the person's own"
        everything = self._everything()
        lost = {each.value for each in self.values if each.owner in self.erased}
        assert not self._found(everything) & lost, "what is erased"
        if exact:
            assert {each.value for each in self.values} - self._found(everything) == lost
        for tablet in self.tablets:
            self._is_right(tablet, exact=exact)

    def _is_right(self, tablet: Tablet, *, exact: bool) -> None:
        device = Installation(tablet.name)
        with self.store.reading() as view:
            found, _ = AggregateRepository(view, self.people.execution.cache).load([device])[
                device.id
            ]
            stored = view.streams({device.id: 0})[device.id]
        assert isinstance(found, Installation)
        device.fold(event for _, event in stored)
        facts = {name: each.value for name, each in tablet.facts.items()}
        attributes = {name: each.value for name, each in tablet.attributes.items()}
        for state in (found, device, Profiles(self.store).of(tablet.name).installation):
            if exact:
                assert state.facts == facts
            assert {*state.facts.items()} <= {*facts.items()}
            assert {*facts.items()} - {*state.facts.items()} <= {*named(facts.items())}
            assert state.attributes == attributes
            assert state.tags == {each.value for each in tablet.tags}
        assert found.address == device.address

    def _everything(self) -> str:
        """Return all events and addresses, as a reader with keys sees them."""
        with self.store.auditing() as audit:
            return repr((audit.events(self.start, 1_000_000), [*audit.rows()]))

    def _found(self, text: str) -> set[str]:
        return {each.value for each in (*self.values, *self.other) if each.value in text}


def named(facts: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Return those facts that name a person."""
    return ((name, value) for name, value in facts if name in NAMING)


def erased_as_planned(rights: Rights, person: str) -> Erasure:
    """Erase a person, and check that the dry run has said so."""
    planned = rights.erase(person, dry_run=True)
    done = rights.erase(person)
    assert done.done
    same = replace(planned, done=True, position=done.position, fingerprint=done.fingerprint)
    assert same == done
    assert rights.erase(person) == done == rights.erase(person, dry_run=True)
    return done
