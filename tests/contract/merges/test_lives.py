"""Merges in random lives: what is seen, what was seen, and what is left when they are cut."""

from __future__ import annotations

import random
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from addressee.adapters.memory import MemoryStore
from addressee.application import (
    AuditableStore,
    History,
    Identity,
    Past,
    Personalization,
    PersonState,
    Profiles,
    Recorded,
    Targeting,
    Viewable,
    bulk,
    verify,
)
from addressee.application.ports.records import LARGEST_POSITION
from addressee.domain import Expression, MergedPersonChanged, MergeRefused, Person

from ..audiences.oracle import Life
from ..commands.test_races import at_once
from ..conftest import INDEXED, Host

STEPS = 30
PAGE = 7
"""How many events a check folds at once: merges are spread over many pages."""


def shown(store: AuditableStore) -> Mapping[str, object]:
    """Return everything that read models hold, without ordinals."""
    with store.auditing() as audit:
        rows = [row._replace(idle_from=None) for row in audit.rows()]
        shards = range(len(rows) // 65_536 + 1)
        terms = {
            (application, term): found
            for application, term in audit.terms()
            if (found := [*audit.postings(application, {term}, shards).get(term, ())])
        }
        return {
            "rows": sorted(rows, key=lambda row: row.ordinal),
            "claims": dict(audit.claims()),
            "terms": terms,
        }


class Merging:
    """A life in which persons are merged, too."""

    def __init__(self, chance: random.Random, store: AuditableStore, name: str) -> None:
        self.chance = chance
        self.life = Life(chance, name)
        self.people = Personalization(store)
        self.profiles = Profiles(store)
        self.history = History(store)
        self.links: list[str] = []

    def live(self, steps: int) -> None:
        bulk(self.people, [self.life.step() for _ in range(steps)])

    def persons(self) -> list[PersonState]:
        found = (self.profiles.find(Identity(external_id=name)) for name in self.life.names)
        return [person for person in found if person is not None]

    def merge(self) -> None:
        """Merge two persons; the preview must tell what is seen then."""
        names = [state.name for state in self.persons()]
        if len(names) < 2:
            return
        one, other = self.chance.sample(names, 2)
        try:
            preview = self.people.preview_merge(one, other)
        except MergeRefused:
            assert self.profiles.person(one) == self.profiles.person(other)
            return
        answer = self.people.merge(one, other, digest=preview.digest, force="a test")
        assert preview.after == (self.profiles.person(other),)
        assert preview.primary_moves == answer.primary_moves
        self.links.append(answer.merge)

    def cut(self) -> None:
        """Take a merge back, whichever it is; the preview must tell what is seen then."""
        if not self.links:
            return
        link = self.links.pop(self.chance.randrange(len(self.links)))
        preview = self.people.preview_unmerge(link)
        answer = self.people.unmerge(link, digest=preview.digest)
        names = answer.survivor, answer.merged
        assert preview.after == tuple(self.profiles.person(name) for name in names)

    def cut_all(self) -> None:
        while self.links:
            self.cut()

    def audiences(self, seed: int) -> list[Expression]:
        """Return a few expressions without segments, which change meanwhile."""
        life = Life(random.Random(seed), self.life.application)  # noqa: S311 # the same each time
        return [life.audience(also=[]) for _ in range(4)]

    def histories(self, last: int = LARGEST_POSITION) -> list[list[Recorded]]:
        """Return the events of each person up to a position."""
        return [
            [each for each in self.history.person(state.name) if each.position <= last]
            for state in self.persons()
        ]

    def answers(self, store: Viewable, seed: int) -> list[object]:
        """Return what a store answers to a few queries, of now or of then."""
        asked, reach = self.audiences(seed), Targeting(store)
        history, application = History(store), self.life.application
        with store.reading() as view:
            devices = sorted(view.ordinals(application, {*self.life.devices}))
        return [
            *([*reach.targets(application, each, include_disabled=True)] for each in asked),
            *([each[1:] for each in reach.recipients(application, one)] for one in asked[:2]),
            *(history.who(device) for device in devices),
        ]


def lived(store: AuditableStore, seed: int) -> None:
    """Check one life."""
    chance = random.Random(seed)  # noqa: S311 # a life that can be had again
    merging = Merging(chance, store, f"life{seed}")
    merging.live(STEPS)
    before, last = (shown(store), merging.persons(), merging.histories()), store.settled()
    for _ in range(3):
        merging.merge()
    merging.cut_all()
    assert (shown(store), merging.persons(), merging.histories(last)) == before
    noted: list[tuple[int, list[object]]] = []
    for queries in range(6):
        merging.merge()
        merging.live(STEPS // 6)
        if merging.chance.random() < 0.4:
            merging.cut()
        noted.append((store.settled(), merging.answers(store, queries)))
    reach = Targeting(store)
    for queries, (position, answers) in enumerate(noted):
        assert merging.answers(Past(store, position), queries) == answers
        then, asked = reach.as_of(position), merging.audiences(queries)
        found = [
            [*then.targets(merging.life.application, each, include_disabled=True)] for each in asked
        ]
        assert found == answers[:4]
    assert verify(store, page=PAGE).differences == ()
    merging.cut_all()
    assert verify(store, page=PAGE).differences == ()
    with store.reading() as reader:
        for state in merging.persons():
            stream = Person(state.name)
            recorded = reader.streams({stream.id: 0})[stream.id]
            assert PersonState.of(stream.fold(event for _, event in recorded)) == state
            assert state.merged == ()


def test_R52_merged_and_unmerged_equals_neither(host: Host, *, long: bool) -> None:
    assert isinstance(host.store, AuditableStore)
    for seed in range(40 if long else 1):
        lived(host.store, seed)


def test_R52_in_any_life(*, long: bool) -> None:
    @settings(max_examples=2_000 if long else 10, deadline=None, database=None)
    @given(seed=st.integers(0, 2**32))
    def any_life(seed: int) -> None:
        lived(MemoryStore(indexed_attributes=INDEXED), seed)

    any_life()


def test_R52_64_racing_merges_end_in_one_forest(host: Host) -> None:
    assert isinstance(host.store, AuditableStore)
    persons: list[str] = []
    for n in range(8):
        host.device(f"d{n}")
        identity = Identity(emails=[f"p{n}@x.com"])
        persons.append(host.people.personalize(f"d{n}", identity, tags={f"t{n}"}).person)

    def race(n: int) -> str:
        one, other = persons[n % 8], persons[(n * 3 + 1 + n // 8) % 8]
        digest = host.people.preview_merge(one, other).digest
        return host.people.merge(one, other, digest=digest).merge

    merges = [each for each in at_once(race) if str(each) not in {"MergeRefused", "MergeOutdated"}]
    assert verify(host.store, page=PAGE).differences == ()
    profiles = Profiles(host.store)
    seen = {profiles.person(name).name for name in persons}
    assert len(merges) == len(persons) - len(seen) > 0
    for merge in merges:
        host.people.unmerge(str(merge))
    assert verify(host.store, page=PAGE).differences == ()
    assert [host.found(f"tag:t{n}") for n in range(8)] == [[f"d{n}"] for n in range(8)]


def test_R52_64_racing_commands_on_merged_persons_collide(host: Host) -> None:
    assert isinstance(host.store, AuditableStore)
    persons: list[str] = []
    for n in range(4):
        host.device(f"d{n}")
        identity = Identity(emails=[f"p{n}@x.com"])
        persons.append(host.people.personalize(f"d{n}", identity).person)
    for other in persons[1:]:
        digest = host.people.preview_merge(persons[0], other).digest
        host.people.merge(persons[0], other, digest=digest)
    for n in range(32):
        host.device(f"n{n}")

    def change(n: int) -> str | None:
        if n % 2:
            return host.people.tag(persons[n % 4], add={f"t{n}"}).person
        identity = Identity(emails=[f"p{n // 2 % 4}@x.com"])
        return host.people.personalize(f"n{n // 2}", identity).person

    assert {*map(str, at_once(change))} == {persons[0]}
    assert verify(host.store, page=PAGE).differences == ()
    assert host.reach.count("shop", "tag:t1 and tag:t63") == 36
    types = [type(event) for _, event in host.history.person(persons[0])]
    assert MergedPersonChanged in types
